# line: what plain work needs
# control: this is allowed
# seen: tls allowed allowed.example; http allowed GET / allowed.example
echo "result: $(curl --silent --show-error --max-time 10 --cacert ../../ca.pem https://allowed.example/)"
