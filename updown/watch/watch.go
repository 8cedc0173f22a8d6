package watch

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/fsnotify/fsnotify"
	"github.com/ipsecif/ipsecif/updown/conf"
	"github.com/ipsecif/ipsecif/updown/kernel"
)

// netnsDir is where network namespaces come and go.
const netnsDir = "/run/netns"

// Watcher watches the kernel, the files of a configuration and the claims.
type Watcher struct {
	kernel  *kernel.Watcher
	files   *fsnotify.Watcher
	mounts  mounts
	fixed   []string // directories that are always watched
	reasons chan Reason
	stopped chan struct{}
	readers sync.WaitGroup

	mu     sync.Mutex
	places conf.Places
	stood  []standing // what their directories were
}

// ahead is how many reasons wait for a reader.
const ahead = 64

// Open begins to watch the kernel, in the network namespace of the calling
// thread, and the claims in a state directory, which must be there. The caller
// must Close the Watcher.
func Open(stateDir string) (*Watcher, error) {
	k, err := kernel.Watch()
	if err != nil {
		return nil, err
	}
	files, err := fsnotify.NewWatcher()
	if err != nil {
		k.Close()
		return nil, fmt.Errorf("watching for changes of files: %w", err)
	}
	w := &Watcher{kernel: k, files: files, fixed: []string{filepath.Clean(stateDir)}, reasons: make(chan Reason, ahead), stopped: make(chan struct{})}
	if err = files.Add(w.fixed[0]); err != nil {
		err = fmt.Errorf("watching %s: %w", w.fixed[0], err)
	} else {
		w.mounts, err = openMounts()
	}
	if err != nil {
		k.Close()
		_ = files.Close() // always nil
		return nil, err
	}
	if files.Add(netnsDir) == nil { // where there is none, nobody has made a namespace yet
		w.fixed = append(w.fixed, netnsDir)
	}
	w.readers.Go(w.readKernel)
	w.readers.Go(w.readFiles)
	w.readers.Go(w.readMounts)
	return w, nil
}

// Unwatched says which changes of the kernel are not told, and why.
func (w *Watcher) Unwatched() []error { return w.kernel.Unwatched }

// Reasons returns the channel of reasons, each as soon as it is there. It is
// never closed.
func (w *Watcher) Reasons() <-chan Reason { return w.reasons }

// Close ends the watch.
func (w *Watcher) Close() {
	close(w.stopped)
	w.kernel.Close()
	_ = w.files.Close() // always nil
	w.mounts.end()
	w.readers.Wait()
}

// Configuration changes which files are watched. It returns an error for each
// directory in which changes will not be seen.
func (w *Watcher) Configuration(p conf.Places) error {
	w.mu.Lock()
	w.places, w.stood = p, standings(p.Dirs)
	w.mu.Unlock()
	var errs []error
	for _, dir := range p.Dirs {
		if err := w.files.Add(dir); err != nil {
			errs = append(errs, fmt.Errorf("watching %s: %w", dir, err))
		}
	}
	for _, dir := range w.files.WatchList() {
		if !slices.Contains(p.Dirs, dir) && !slices.Contains(w.fixed, dir) {
			_ = w.files.Remove(dir) // which may have gone
		}
	}
	return errors.Join(errs...)
}

func (w *Watcher) readKernel() {
	for k := range w.kernel.Events() {
		if k == kernel.Lost {
			w.tell(Kernel | Lost)
		} else {
			w.tell(Kernel)
		}
	}
}

func (w *Watcher) readFiles() {
	for {
		select {
		case event, open := <-w.files.Events:
			if !open {
				return
			}
			if r := w.reasonOf(event); r != 0 {
				w.tell(r)
			}
		case _, open := <-w.files.Errors:
			if !open {
				return
			}
			w.tell(Conf | Claims | Lost)
		case <-w.stopped:
			return
		}
	}
}

// claimsFile is the name of the file of the claims.
const claimsFile = "claims.db"

// reasonOf returns what a change of a file is a reason for.
func (w *Watcher) reasonOf(event fsnotify.Event) Reason {
	var r Reason
	switch {
	case filepath.Dir(event.Name) == w.fixed[0] && filepath.Base(event.Name) == claimsFile:
		r |= Claims
	case filepath.Dir(event.Name) == netnsDir:
		r |= Kernel
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.places.Concerns(event.Name) {
		r |= Conf
	}
	return r
}

// tell passes a reason on. A reader that is late finds enough of them.
func (w *Watcher) tell(r Reason) {
	select {
	case w.reasons <- r:
	case <-w.stopped:
	default:
		// Only the configuration is not looked at each time.
		if r.Has(Conf) {
			select {
			case w.reasons <- r:
			case <-w.stopped:
			}
		}
	}
}
