// A plain Go server of which several run side by side, and drains on TERM: on a socket that supervisord has opened for all of
// them (fd 0), or, where there is none, each on one of its own for the same port (SO_REUSEPORT). Nothing in it knows of
// reloads: zdr starts the new release beside the old one, and when it accepts, and has done so for a while, stops the
// old one. A release that crashes, hangs or can not be executed costs nothing.
//
// Build:   CGO_ENABLED=0 go build -trimpath -ldflags "-X main.release=v1.2" -o dist/bin/shop .
// Deploy:  build: { path: dist/ }
//
//	programs:
//	  shop: { command: "bin/shop", reload: bluegreen, listen: "127.0.0.1:8080",
//	          health: { http: "http://127.0.0.1:8080/healthz" } }
//
// `reload: rolling` with `members: 4` has four of them run all the time, and renews one after the other. Without
// `listen`, and with -addr in the command, each opens a socket of its own; then the host needs
// `sysctl net.ipv4.tcp_migrate_req=1` (Linux 5.14), or connections that wait for a process that goes are reset.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// release is set by the linker.
var release = "unknown"

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "address to listen on where supervisord has opened no socket")
	flag.Parse()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	listener, err := listen(*address)
	if err != nil {
		log.Fatalf("cannot listen: %v", err)
	}
	server := &http.Server{
		Handler:           handler(),
		ReadHeaderTimeout: 5 * time.Second, // a client that connects and says nothing would hold up the drain
		IdleTimeout:       2 * time.Minute,
	}
	served := make(chan struct{})
	go func() {
		serve(server, listener)
		close(served)
	}()
	log.Printf("release %s serves on %s", release, listener.Addr())

	<-stop
	listener.Close() // closes only what this process has of the socket: others go on listening on it
	<-served         // no limit of its own: supervisor ends this process after stopwaitsecs
	log.Printf("release %s is done", release)
}

// listen returns supervisord's socket at fd 0 (an [fcgi-program:x]; nothing in it is about FastCGI but the name), or one of
// this process's own.
func listen(address string) (net.Listener, error) {
	accepts, err := syscall.GetsockoptInt(0, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err == nil && accepts == 1 {
		return net.FileListener(os.Stdin)
	}
	return listenBeside(address)
}

// soReusePort is SO_REUSEPORT of Linux (but for MIPS and SPARC), which package syscall does not have everywhere.
const soReusePort = 15

func listenBeside(address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failure error
		err := raw.Control(func(fd uintptr) {
			failure = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePort, 1)
		})
		if err != nil {
			return err
		}
		return failure
	}}
	return config.Listen(context.Background(), "tcp", address)
}

// serve answers until the listener is closed, and then whoever was let in before. http.Server's Shutdown would not do:
// with newer Go it closes a connection that was accepted, but whose request has not come yet.
func serve(server *http.Server, listener net.Listener) {
	var open sync.WaitGroup
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateHijacked, http.StateClosed:
			open.Done()
		}
	}
	if err := server.Serve(listener); !errors.Is(err, net.ErrClosed) {
		log.Fatalf("cannot serve: %v", err)
	}
	server.SetKeepAlivesEnabled(false) // closes those that wait between two requests, the others after their answer
	open.Wait()
}

// checkHealth says why this process can not do its work. Ask here what yours depends on: a database, a queue.
var checkHealth = func() error { return nil }

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from %s\n", release)
	})
	mux.HandleFunc("/version", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, release)
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := checkHealth(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	// A request that takes its time, to watch a deploy wait for it.
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		ms, err := strconv.Atoi(r.URL.Query().Get("ms"))
		if err != nil || ms < 0 || ms > 60_000 {
			http.Error(w, "ms must be a number from 0 to 60000", http.StatusBadRequest)
			return
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
		fmt.Fprintln(w, release)
	})
	// A line in the log, to watch that none is lost.
	mux.HandleFunc("/log", func(w http.ResponseWriter, r *http.Request) {
		log.Printf("release %s was told %q", release, r.URL.Query().Get("text"))
		fmt.Fprintln(w, release)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Release", release)
		mux.ServeHTTP(w, r)
	})
}
