# line: what plain work needs
# control: 200
# seen: http allowed GET / allowed.example
# needs: javac
# timeout: 60
. "$CASES/client.sh"
client proxy http://allowed.example/
