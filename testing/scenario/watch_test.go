package scenario_test

import "github.com/rogpeppe/go-internal/testscript"

// watchScript records changes of routes and rules from "begin", and prints them
// at "end". Routes of no use show that the recording has begun, and that it has
// everything.
const watchScript = `
seen() {
	for i in $(seq 1000); do
		ip route add unreachable 203.0.113.$1 table 9
		ip route del unreachable 203.0.113.$1 table 9
		grep -q 203.0.113.$1 /run/watched && return
	done
	echo "nothing recorded" >&2
	exit 1
}
case $1 in
begin)
	ip -o monitor route rule >/run/watched 2>&1 </dev/null &
	echo $! >/run/watching
	seen 1
	;;
end)
	seen 2
	kill $(cat /run/watching)
	sed /203.0.113/d /run/watched
	;;
esac
`

// watch HOST starts to record what the kernel tells of routes and rules.
func watch(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 1, "watch HOST")
	ts.Check(run(ts, []string{words[0], "sh", "-c", watchScript, "watch", "begin"}))
}

// changes HOST ends the recording and prints it, in the order of the changes.
// Linux does not tell of IPv4 routes that go with their device or its last
// address.
func changes(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 1, "changes HOST")
	ts.Check(run(ts, []string{words[0], "sh", "-c", watchScript, "watch", "end"}))
}
