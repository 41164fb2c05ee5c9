// A client for benchmarks: so many requests over so many connections, each as soon as the one before it is answered. It
// costs less than the servers that it asks, so that what is measured is theirs.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sort"
	"sync"
	"time"
)

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "host and port")
	connections := flag.Int("connections", 32, "connections at a time")
	requests := flag.Int("requests", 10_000, "requests in all")
	fresh := flag.Bool("fresh", false, "a connection for each request")
	flag.Parse()

	each := *requests / *connections
	times := make([][]time.Duration, *connections)
	var workers sync.WaitGroup
	began := time.Now()
	for worker := range times {
		worker := worker
		workers.Add(1)
		go func() {
			defer workers.Done()
			taken, err := ask(*address, each, *fresh)
			if err != nil {
				log.Fatal(err)
			}
			times[worker] = taken
		}()
	}
	workers.Wait()
	took := time.Since(began)

	var all []time.Duration
	for _, taken := range times {
		all = append(all, taken...)
	}
	sort.Slice(all, func(a, b int) bool { return all[a] < all[b] })
	result := map[string]float64{"ms": ms(took), "p99Ms": ms(all[len(all)*99/100])}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// ask sends count requests, one after the other.
func ask(address string, count int, fresh bool) ([]time.Duration, error) {
	taken := make([]time.Duration, 0, count)
	var connection net.Conn
	var reader *bufio.Reader
	for len(taken) < count {
		began := time.Now()
		if connection == nil {
			opened, err := net.Dial("tcp", address)
			if err != nil {
				return nil, err
			}
			connection, reader = opened, bufio.NewReader(opened)
		}
		if err := exchange(connection, reader, address, fresh); err != nil {
			return nil, err
		}
		taken = append(taken, time.Since(began))
		if fresh {
			connection.Close()
			connection = nil
		}
	}
	return taken, nil
}

func exchange(connection net.Conn, reader *bufio.Reader, address string, isLast bool) error {
	end := "\r\n\r\n"
	if isLast {
		end = "\r\nConnection: close\r\n\r\n"
	}
	if _, err := fmt.Fprintf(connection, "GET /version HTTP/1.1\r\nHost: %s%s", address, end); err != nil {
		return err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
