// Load on one host of a fleet, small enough to run fifty of: a request on a new connection and one on a kept-alive connection, every
// so often, until stdin ends. Refused, reset, cut, late or no 200 is failed; a kept-alive connection that the server closed between
// two answers is not, if the request then succeeds on a new one. Ends with one line of JSON.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

type counts struct {
	sync.Mutex
	Sent     int            `json:"sent"`
	Failed   int            `json:"failed"`
	Releases map[string]int `json:"releases"`
	Errors   []string       `json:"errors"`
}

func main() {
	url := flag.String("url", "http://127.0.0.1:8080/version", "what is asked")
	every := flag.Duration("every", 200*time.Millisecond, "between two requests of a kind")
	flag.Parse()
	all := &counts{Releases: map[string]int{}, Errors: []string{}}
	over := make(chan struct{})
	var kinds sync.WaitGroup
	for _, fresh := range []bool{true, false} {
		// Go's transport sends a GET again by itself where a kept-alive connection was closed before an answer began.
		client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: fresh}}
		kinds.Add(1)
		go func() {
			defer kinds.Done()
			for ticks := time.Tick(*every); ; {
				select {
				case <-over:
					return
				case <-ticks:
					all.note(ask(client, *url))
				}
			}
		}()
	}
	fmt.Println("started")
	io.Copy(io.Discard, os.Stdin)
	close(over)
	kinds.Wait()
	json.NewEncoder(os.Stdout).Encode(all)
}

func ask(client *http.Client, url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return strings.TrimSpace(string(body)), err
}

func (all *counts) note(release string, err error) {
	all.Lock()
	defer all.Unlock()
	all.Sent++
	if err == nil {
		all.Releases[release]++
		return
	}
	all.Failed++
	if len(all.Errors) < 5 {
		all.Errors = append(all.Errors, err.Error())
	}
}
