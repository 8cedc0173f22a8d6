package scenario_test

import "github.com/rogpeppe/go-internal/testscript"

// nflogScript reads an NFLOG group from "begin", and prints the packets at "end",
// which waits for a question and an answer of some length: those are the last.
const nflogScript = `
await() {
	for i in $(seq 400); do
		"$@" && return
		sleep 0.05
	done
	echo "nothing read: $*" >&2
	cat /run/nflog.$group.log /run/nflog.$group >&2
	exit 1
}
begun() { grep -q "listening on" /run/nflog.$group.log; }
ended() { test $(grep -c "length $length$" /run/nflog.$group) -ge 2; }
group=$2 length=$3
case $1 in
begin)
	tcpdump -i nflog:$group -n -t -l -U >/run/nflog.$group 2>/run/nflog.$group.log </dev/null &
	echo $! >/run/nflog.$group.pid
	await begun
	;;
end)
	await ended
	kill $(cat /run/nflog.$group.pid)
	grep . /run/nflog.$group | sed 's/ id [0-9]*,//' # without the line that tcpdump ends
	;;
esac
`

// nflog HOST GROUP starts to read the packets that are copied to a group.
func nflog(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 2, "nflog HOST GROUP")
	ts.Check(run(ts, []string{words[0], "sh", "-c", nflogScript, "nflog", "begin", words[1]}))
}

// copied HOST GROUP LENGTH prints the packets up to an echo of a length and its
// answer.
func copied(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 3, "copied HOST GROUP LENGTH")
	ts.Check(run(ts, []string{words[0], "sh", "-c", nflogScript, "nflog", "end", words[1], words[2]}))
}
