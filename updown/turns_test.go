package updown_test

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/claim"
	"github.com/ipsecif/ipsecif/updown/plan"
)

// crossed is a kernel that others change, too, while many conns are changed:
// each has its turn as soon as there is one.
type crossed struct {
	sync.Mutex // of the kernel
	*fake.Kernel
	t       *testing.T
	others  *updown.Engine
	random  *rand.Rand
	few     []conn.Conn // that the others bring up and down
	up      map[string]bool
	turn    sync.WaitGroup
	waiting atomic.Bool
	turns   int
}

// quietly gives the others the kernel.
type quietly struct{ *crossed }

func (q quietly) Observe(query plan.Query) (plan.Observation, error) {
	q.Lock()
	defer q.Unlock()
	return q.Kernel.Observe(query)
}

func (q quietly) Apply(ops []plan.Op, trace func(plan.Op)) error {
	q.Lock()
	defer q.Unlock()
	return q.Kernel.Apply(ops, trace)
}

// Observe reads everything before somebody has a turn, or after it.
func (c *crossed) Observe(q plan.Query) (plan.Observation, error) {
	if c.random.IntN(2) == 0 {
		c.cross()
		return quietly{c}.Observe(q)
	}
	o, err := quietly{c}.Observe(q)
	c.cross()
	return o, err
}

func (c *crossed) Apply(ops []plan.Op, trace func(plan.Op)) error {
	c.cross()
	return quietly{c}.Apply(ops, trace)
}

// cross starts a change of one conn, and returns when it is done or waits for
// its turn.
func (c *crossed) cross() {
	if c.random.IntN(3) == 0 || c.waiting.Load() {
		return
	}
	one := c.few[c.random.IntN(len(c.few))]
	up := !c.up[one.Name]
	c.up[one.Name] = up
	c.turns++
	done := make(chan struct{})
	c.waiting.Store(true)
	c.turn.Go(func() {
		defer close(done)
		defer c.waiting.Store(false)
		var err error
		if up {
			_, err = c.others.Up([]conn.Conn{one})
		} else {
			_, err = c.others.Down([]string{one.Name}, nil)
		}
		if err != nil {
			c.t.Errorf("up %t %s: %v", up, one.Name, err)
		}
	})
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		select {
		case <-done:
			return
		default:
		}
		// proc_locks(5): who waits for a lock has an arrow.
		locks, err := os.ReadFile("/proc/locks")
		if err != nil {
			c.t.Fatal(err)
		}
		if bytes.Contains(locks, []byte("-> FLOCK")) {
			return
		}
	}
}

// TestTurns changes many conns while others change few, some of which share
// links, rules and routes with the many.
func TestTurns(t *testing.T) {
	f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(manyConf("overlay"))}}}, "own.conf")
	conns, more := f.Conns()
	if err := errors.Join(ds.Err(), more.Err()); err != nil {
		t.Fatal(err)
	}
	for i := range conns {
		conns[i].PolicyBased = conns[i].Link() == ""
	}
	for seed := range uint64(6) {
		k := &crossed{Kernel: fake.New(), t: t, random: rand.New(rand.NewPCG(seed, 0)), few: conns[220:], up: map[string]bool{}}
		for _, line := range slices.Concat(convergeKernel, firewallKernel) {
			op, err := plan.ParseOp(line)
			if err == nil {
				err = k.Kernel.Apply([]plan.Op{op}, func(plan.Op) {})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		before := maps.Clone(k.Kernel.State)
		store := claim.Open(t.TempDir())
		k.others = &updown.Engine{Kernel: quietly{k}, Store: store, Trace: func(plan.Op) {}}
		many := &updown.Engine{Kernel: k, Store: store, Trace: func(plan.Op) {}}
		var names []string
		for _, c := range conns[:220] {
			names = append(names, c.Name)
		}
		for _, step := range []func() (plan.Plan, error){
			func() (plan.Plan, error) { return many.Up(conns[:220]) },
			func() (plan.Plan, error) { return many.Down(names[20:], nil) },
			func() (plan.Plan, error) { return many.Up(conns[10:130]) },
			func() (plan.Plan, error) { return many.Down(names, nil) },
		} {
			if _, err := step(); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			k.turn.Wait()
			if s, err := k.others.Status(conns, true); err != nil || s.Differs() {
				t.Fatalf("seed %d: %+v %v", seed, s.Drift, err)
			}
		}
		if k.turns == 0 {
			t.Error("nobody had a turn")
		}
		for name, up := range k.up {
			if _, err := k.others.Down([]string{name}, nil); up && err != nil {
				t.Error(err)
			}
		}
		if !maps.Equal(k.Kernel.State, before) {
			t.Errorf("seed %d: the kernel is not as it was", seed)
		}
	}
}
