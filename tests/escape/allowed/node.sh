# line: what plain work needs
# control: 200 or no node
command -v node >/dev/null || { echo "result: no node"; exit; }
node -e 'require("http").createServer((_, a) => a.end("text")).listen(0, "127.0.0.1", function () {
  require("http").get({ port: this.address().port, host: "127.0.0.1" }, a => { console.log("result: " + a.statusCode); process.exit(); });
});'
