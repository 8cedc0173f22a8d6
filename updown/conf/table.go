package conf

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"os"
	"sync"
)

// A table is a file that is written at once, never changed, and asked for few of
// its values: a text at its head, and values by name. A name is looked for in
// one of many buckets. Head and buckets have checksums, so that damage anywhere
// is found before anything is believed, an absent name included.
//
//	magic, length of the head, number of buckets, checksum of these and the head
//	head
//	for each bucket: offset, length, checksum
//	buckets: number of values, for each the lengths of name and value, both
const (
	magic      = "ipsecif conf 1\n\x00"
	headerSize = len(magic) + 12
	entrySize  = 12
	perBucket  = 4
)

// castagnoli makes its table when it is first used: that takes as long as the
// hook needs for a change of the kernel, and most calls read no index.
var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

func bucketOf(name string, buckets int) int {
	return int(crc32.Checksum([]byte(name), castagnoli()) % uint32(buckets))
}

// mostBytes bounds the size of a table: one template may be in every conn.
const mostBytes = 64 << 20

// newTable returns a table of n values at most, nil when it were too large.
func newTable(head []byte, n int, values iter.Seq2[string, []byte]) []byte {
	type place struct{ start, end int }
	var heap []byte // the values as they come
	places, buckets := make([]place, 0, n), make([][]int, n/perBucket+1)
	for name, value := range values {
		start, bucket := len(heap), bucketOf(name, len(buckets))
		heap = binary.AppendUvarint(heap, uint64(len(name)))
		heap = binary.AppendUvarint(heap, uint64(len(value)))
		heap = append(append(heap, name...), value...)
		if len(heap) > mostBytes {
			return nil
		}
		buckets[bucket] = append(buckets[bucket], len(places))
		places = append(places, place{start, len(heap)})
	}
	b := make([]byte, 0, headerSize+len(head)+(entrySize+1)*len(buckets)+len(heap))
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(head)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(buckets)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Update(crc32.Checksum(b, castagnoli()), castagnoli(), head))
	b = append(b, head...)
	entries := len(b)
	b = append(b, make([]byte, entrySize*len(buckets))...)
	for i, bucket := range buckets {
		start := len(b)
		b = binary.AppendUvarint(b, uint64(len(bucket)))
		for _, number := range bucket {
			b = append(b, heap[places[number].start:places[number].end]...)
		}
		entry := b[entries+entrySize*i:]
		binary.LittleEndian.PutUint32(entry, uint32(start))
		binary.LittleEndian.PutUint32(entry[4:], uint32(len(b)-start))
		binary.LittleEndian.PutUint32(entry[8:], crc32.Checksum(b[start:], castagnoli()))
	}
	return b
}

// errDamaged says that a file is no table, or none any more.
var errDamaged = errors.New("it is damaged")

// table is a table of some size that is read.
type table struct {
	from    io.ReaderAt
	size    int64
	head    []byte
	buckets int
}

// readHead reads what every use of a table needs, after which get may be called.
func (t *table) readHead() error {
	header, err := t.read(0, headerSize)
	if err != nil {
		return err
	}
	numbers := header[len(magic):]
	t.buckets = int(binary.LittleEndian.Uint32(numbers[4:]))
	if t.head, err = t.read(int64(headerSize), int(binary.LittleEndian.Uint32(numbers))); err != nil {
		return err
	}
	sum := crc32.Update(crc32.Checksum(header[:headerSize-4], castagnoli()), castagnoli(), t.head)
	if string(header[:len(magic)]) != magic || sum != binary.LittleEndian.Uint32(numbers[8:]) || t.buckets == 0 {
		return errDamaged
	}
	return nil
}

// get returns the value of a name, nil when there is none.
func (t *table) get(name string) ([]byte, error) {
	entry, err := t.read(int64(headerSize+len(t.head)+entrySize*bucketOf(name, t.buckets)), entrySize)
	if err != nil {
		return nil, err
	}
	b, err := t.read(int64(binary.LittleEndian.Uint32(entry)), int(binary.LittleEndian.Uint32(entry[4:])))
	if err != nil {
		return nil, err
	}
	if len(b) == 0 || crc32.Checksum(b, castagnoli()) != binary.LittleEndian.Uint32(entry[8:]) {
		return nil, errDamaged
	}
	count, size := binary.Uvarint(b)
	for b = b[size:]; count > 0; count-- {
		nameLen, size := binary.Uvarint(b)
		b = b[size:]
		valueLen, size := binary.Uvarint(b)
		b = b[size:]
		if string(b[:nameLen]) == name {
			return b[nameLen : nameLen+valueLen], nil
		}
		b = b[nameLen+valueLen:]
	}
	return nil, nil
}

// read reads a part of the file, which damaged numbers may place outside of it.
func (t *table) read(offset int64, size int) ([]byte, error) {
	if offset+int64(size) > t.size {
		return nil, errDamaged
	}
	b := make([]byte, size)
	_, err := t.from.ReadAt(b, offset)
	return b, err
}

// replaceFile puts a file with a content in the place of another one, in one
// step. Who has the other one open goes on reading it.
func replaceFile(path string, mode fs.FileMode, content []byte) error {
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
