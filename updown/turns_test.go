package updown_test

import (
	"bytes"
	"errors"
	"fmt"
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
	killAt  int // the call of Apply at whose end the process dies; 0 for none
	applied int
}

// killed is the death of a process.
type killed struct{}

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
	err := quietly{c}.Apply(ops, trace)
	if c.applied++; c.applied == c.killAt {
		panic(killed{})
	}
	return err
}

// dies calls do, and reports whether the process died in it.
func dies(do func() error) (died bool, err error) {
	defer func() {
		if r := recover(); r == (killed{}) {
			died = true
		} else if r != nil {
			panic(r)
		}
	}()
	return false, do()
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

// gateway is a host with many conns, and what is done to them at once.
type gateway struct {
	*crossed
	conns  []conn.Conn // all
	before plan.State
	steps  []func() error
}

func newGateway(t *testing.T, seed uint64) *gateway {
	f, ds := conn.Load(mapFS{fstest.MapFS{"own.conf": {Data: []byte(manyConf("overlay"))}}}, "own.conf")
	conns, more := f.Conns()
	if err := errors.Join(ds.Err(), more.Err()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range conns {
		conns[i].PolicyBased = conns[i].Link() == ""
		if i < 220 {
			names = append(names, conns[i].Name)
		}
	}
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
	store := claim.Open(t.TempDir())
	k.others = &updown.Engine{Kernel: quietly{k}, Store: store, Trace: func(plan.Op) {}}
	many := &updown.Engine{Kernel: k, Store: store, Trace: func(plan.Op) {}}
	up := func(conns []conn.Conn) func() error {
		return func() error { _, err := many.Up(conns); return err }
	}
	down := func(names []string) func() error {
		return func() error { _, err := many.Down(names, nil); return err }
	}
	return &gateway{k, conns, maps.Clone(k.Kernel.State), []func() error{
		up(conns[:220]), down(names[20:]), up(conns[10:130]), down(names),
	}}
}

// inSync waits for the others, and expects all that is claimed and nothing else.
func (g *gateway) inSync(what any) {
	g.turn.Wait()
	if s, err := g.others.Status(g.conns, true); err != nil || s.Differs() {
		g.t.Fatalf("%v: %+v %v", what, s.Drift, err)
	}
}

// end takes down what the others have up, and expects the host as it was.
func (g *gateway) end(what any) {
	for name, up := range g.up {
		if _, err := g.others.Down([]string{name}, nil); up && err != nil {
			g.t.Error(err)
		}
	}
	if !maps.Equal(g.Kernel.State, g.before) {
		g.t.Errorf("%v: the kernel is not as it was", what)
	}
}

// TestTurns changes many conns while others change few, some of which share
// links, rules and routes with the many.
func TestTurns(t *testing.T) {
	for seed := range uint64(6) {
		g := newGateway(t, seed)
		for _, step := range g.steps {
			if err := step(); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			g.inSync(seed)
		}
		if g.turns == 0 {
			t.Error("nobody had a turn")
		}
		g.end(seed)
	}
}

// TestTurnsKilled lets the process die after each slice of each change, and
// others go on before it is done again.
func TestTurnsKilled(t *testing.T) {
	for which := range 4 {
		for at, died := 1, true; died; at++ {
			g := newGateway(t, uint64(at))
			what := fmt.Sprintf("change %d, slice %d", which, at)
			for i, step := range g.steps {
				var err error
				if i == which {
					g.applied, g.killAt = 0, at
					died, err = dies(step)
					g.killAt = 0
				}
				if g.turn.Wait(); i != which || died {
					err = errors.Join(err, step())
				}
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				g.inSync(what)
			}
			g.end(what)
		}
	}
}
