package networkd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
)

// patience is how long networkd may do nothing for the interfaces that it is to
// make. For a thousand it needs some seconds, but these on end.
const patience = 30 * time.Second

// Kernel is what tells of interfaces, and deletes those that networkd leaves
// behind: it makes interfaces, and deletes none.
type Kernel interface {
	Observe(plan.Query) (plan.Observation, error)
	Apply(ops []plan.Op, trace func(plan.Op)) error
}

// Installer puts files where networkd reads them, and sees to it that it does
// what they say. All fields must be set, except that the zero Client will do.
type Installer struct {
	Dir    Directory
	Client Client
	Kernel Kernel
	// Verify returns an error as long as the kernel lacks what the files ask for.
	Verify func() error
	// Trace is called with what is done, in words.
	Trace func(step string)
}

// Report is what became of files.
type Report struct {
	Written, Removed []string // names of files
	Deleted          []string // names of interfaces
}

// Empty reports whether nothing has changed.
func (r Report) Empty() bool { return len(r.Written)+len(r.Removed)+len(r.Deleted) == 0 }

// Install puts files in place, takes away those that are of no use any more, and
// waits until networkd has done what they say. After an error all is as it was,
// except when the error says that undoing failed too. Nothing is changed as long
// as something is known to be in the way.
func (i Installer) Install(ctx context.Context, put []File, remove []string) (Report, error) {
	s, err := i.prepare(ctx, put, remove)
	if err != nil {
		return Report{}, err
	}
	if len(s.change) == 0 {
		if i.await(ctx, s.names, 0) == nil {
			return Report{}, nil
		}
		for _, f := range put { // written again, they are done again
			s.change[f.Name] = f.Text
		}
	}
	if err := i.carryOut(ctx, s); err != nil {
		return Report{}, err
	}
	return s.report(), nil
}

// step is what is to be done.
type step struct {
	change Change
	before map[string]string     // our files, with their texts
	links  map[string]xfrmi.Link // those that there are, by name
	names  []string              // of the interfaces that networkd is to have
	stale  []xfrmi.Link          // made by networkd of files that go or ask for another if_id
	fresh  []string              // of names, those that are to be made
}

func (s step) report() Report {
	var r Report
	for _, name := range slices.Sorted(maps.Keys(s.change)) {
		if s.change[name] == "" {
			r.Removed = append(r.Removed, name)
		} else {
			r.Written = append(r.Written, name)
		}
	}
	for _, l := range s.stale {
		r.Deleted = append(r.Deleted, l.Name)
	}
	return r
}

// prepare finds out what is to be done, and whether it can be.
func (i Installer) prepare(ctx context.Context, put []File, remove []string) (step, error) {
	s := step{change: Change{}}
	var err error
	if s.before, err = i.Dir.Ours(); err != nil {
		return s, err
	}
	for _, name := range remove {
		s.change[name] = ""
	}
	wanted := map[string]xfrmi.IfID{}
	for _, f := range put {
		delete(s.change, f.Name)
		if s.before[f.Name] != f.Text {
			s.change[f.Name] = f.Text
		}
		if link, id, ok := netdevOf(f.Name, f.Text); ok {
			wanted[link] = id
		}
	}
	s.names = slices.Sorted(maps.Keys(wanted))
	errs := []error{i.Dir.check(s.change), i.Client.Check(ctx)}
	if s.links, err = i.links(); err != nil {
		return s, errors.Join(append(errs, err)...)
	}
	s.findStale()
	for _, name := range s.names {
		errs = append(errs, s.refusal(name, wanted[name]))
	}
	return s, errors.Join(errs...)
}

// links returns the interfaces that there are, by name.
func (i Installer) links() (map[string]xfrmi.Link, error) {
	have, err := i.Kernel.Observe(plan.Query{})
	links := map[string]xfrmi.Link{}
	for _, o := range have.State {
		if l, ok := o.(xfrmi.Link); ok {
			links[l.Name] = l
		}
	}
	return links, err
}

// findStale finds the interfaces that networkd has made of files that go, or
// that ask for another one of the name.
func (s *step) findStale() {
	for file, text := range s.before {
		name, id, ok := netdevOf(file, text)
		after, changes := s.change[file]
		_, stays, _ := netdevOf(file, after)
		if l := s.links[name]; ok && changes && stays != id && madeOf(l, id) {
			s.stale = append(s.stale, l)
		}
	}
	slices.SortFunc(s.stale, func(a, b xfrmi.Link) int { return strings.Compare(a.Name, b.Name) })
}

// madeOf reports whether an interface is the one that networkd made for an if_id.
func madeOf(l xfrmi.Link, id xfrmi.IfID) bool {
	return l.Kind == xfrmi.Kind && l.IfID == id && !l.External && !l.Far && !l.Mine
}

// refusal says why networkd cannot make an interface, and notes those that are
// not there.
func (s *step) refusal(name string, id xfrmi.IfID) error {
	for _, other := range s.links {
		if other.Name != name && other.Kind == xfrmi.Kind && other.IfID == id && !other.External && !slices.Contains(s.stale, other) {
			return fmt.Errorf("if_id %s of %s is that of the interface %s; delete that, or choose another if_id=", id, name, other.Name)
		}
	}
	l, there := s.links[name]
	_, _, ours := netdevOf(netdevFile(name), s.before[netdevFile(name)])
	switch {
	case !there || slices.Contains(s.stale, l):
		s.fresh = append(s.fresh, name)
		return nil
	case l.Mine:
		return fmt.Errorf("the interface %s is ipsecif's own; `ipsecif down` its conns first, and bring them up again when systemd-networkd has made it", name)
	case !ours || !madeOf(l, id):
		return fmt.Errorf("there is an interface %s that systemd-networkd has not made of a file of ipsecif; delete it, or choose another link-name=", name)
	}
	return nil
}

// carryOut changes the files and waits for networkd.
func (i Installer) carryOut(ctx context.Context, s step) error {
	undo, err := i.Dir.Apply(s.change)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.change)) {
		verb := "wrote"
		if s.change[name] == "" {
			verb = "removed"
		}
		i.Trace(verb + " " + filepath.Join(string(i.Dir), name))
	}
	if err := i.follow(ctx, s); err != nil {
		return errors.Join(err, i.undo(context.WithoutCancel(ctx), undo, s))
	}
	return nil
}

// follow has networkd do what the files say. An interface in the place of one that
// is to come goes before, as networkd would take it for that one. The others go
// when networkd has let them go, and has taken away what belonged to them.
func (i Installer) follow(ctx context.Context, s step) error {
	inTheWay, others := s.split()
	if err := i.remove(inTheWay); err != nil {
		return err
	}
	if err := i.release(ctx, inTheWay, true); err != nil {
		return err
	}
	i.Trace("systemd-networkd reads its files again")
	if err := i.Client.Reload(ctx); err != nil {
		return err
	}
	if err := i.release(ctx, others, false); err != nil {
		return err
	}
	if err := i.remove(others); err != nil {
		return err
	}
	return i.await(ctx, s.names, patience)
}

// split returns the stale interfaces that have the name or the if_id of one that
// is to come, and the others.
func (s step) split() (inTheWay, others []xfrmi.Link) {
	ids := map[xfrmi.IfID]bool{}
	for file, text := range s.change {
		if _, id, ok := netdevOf(file, text); ok {
			ids[id] = true
		}
	}
	for _, l := range s.stale {
		if ids[l.IfID] || slices.Contains(s.names, l.Name) {
			inTheWay = append(inTheWay, l)
		} else {
			others = append(others, l)
		}
	}
	return inTheWay, others
}

// remove deletes interfaces, if they are still what they were.
func (i Installer) remove(stale []xfrmi.Link) error {
	have, err := i.links()
	if err != nil {
		return err
	}
	var ops []plan.Op
	for _, l := range stale {
		if have[l.Name] == l {
			ops = append(ops, plan.Op{Verb: plan.Del, Object: l})
		}
	}
	return i.Kernel.Apply(ops, func(op plan.Op) { i.Trace(op.String()) })
}

// undo puts the files back, and takes away what networkd has made meanwhile.
func (i Installer) undo(ctx context.Context, was Change, s step) error {
	i.Trace("puts the files back")
	err := i.restore(ctx, was)
	have, listing := i.links()
	err = errors.Join(err, listing)
	var made []xfrmi.Link
	for _, name := range s.fresh {
		_, id, _ := netdevOf(netdevFile(name), s.change[netdevFile(name)])
		if l, there := have[name]; there && madeOf(l, id) {
			made = append(made, l)
		}
	}
	err = errors.Join(err, i.remove(made))
	if len(s.stale) > 0 {
		// networkd makes an interface once for each time that its file is written.
		err = errors.Join(err, i.release(ctx, made, true), i.restore(ctx, was))
	}
	if err != nil {
		return fmt.Errorf("undoing what was done until then: %w", err)
	}
	return nil
}

func (i Installer) restore(ctx context.Context, was Change) error {
	if _, err := i.Dir.Apply(was); err != nil {
		return err
	}
	return i.Client.Reload(ctx)
}

// netdevOf returns the name and the if_id of the interface that a .netdev file
// of ours makes.
func netdevOf(file, text string) (name string, id xfrmi.IfID, ok bool) {
	name, isNetdev := strings.CutSuffix(strings.TrimPrefix(file, prefix), ".netdev")
	_, rest, found := strings.Cut(text, "\n"+keyIfID+"=")
	if !isNetdev || !found {
		return "", 0, false
	}
	_, err := fmt.Sscanf(rest, "%d\n", &id)
	return name, id, err == nil
}
