package notify

import (
	"net"
	"os"
	"time"
)

// sendLimit is how long a message may take. A service manager that takes none at
// the moment keeps nobody from working.
const sendLimit = 20 * time.Millisecond

// send tells the service manager. It is best effort: nobody is left to be told of
// a failure.
func send(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	if c.SetWriteDeadline(time.Now().Add(sendLimit)) == nil {
		_, _ = c.Write([]byte(state))
	}
}
