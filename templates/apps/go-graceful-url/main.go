// A Go server that takes a new release by itself, without any library: GET /graceful makes it start its successor,
// which inherits the listening socket as fd 3 and, once it serves, sends TERM to the process that started it.
//
// Build:   CGO_ENABLED=0 go build -trimpath -ldflags "-X main.release=v1.2" -o dist/bin/graceful .
// Deploy:  build: { path: dist/ }
//
//	programs:
//	  shop: { command: "bin/graceful -addr 127.0.0.1:8080", reload: graceful-url,
//	          health: { http: "http://127.0.0.1:8080/healthz" } }
//
// Each release is a process of its own, and supervisor would take the end of the first one for the end of the program:
// `reload: graceful-url` puts zdr's keeper between the two. What matters in here:
//
//   - The successor is ./graceful, whatever that is by then in the folder that this process was started in. zdr puts
//     the new release there.
//   - The successor leads a process group of its own, and -graceful=true is added to its arguments, once more at each
//     reload.
//   - The answer to /graceful says that the successor was started, not that it serves. One that crashes as it starts or
//     never listens costs nothing: this process goes on.
//   - /graceful answers this host only. Behind a proxy on this host, keep it off what the proxy passes on.
//   - Accept is limited, see limitAccept.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// release is set by the linker.
var release = "unknown"

// predecessorKey names, in the environment of a successor, the process that is to drain.
const predecessorKey = "GRACEFUL"

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	isSuccessor := flag.Bool("graceful", false, "take the listening socket over, at fd 3")
	flag.Parse()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	listener, err := listen(*address, *isSuccessor)
	if err != nil {
		log.Fatalf("cannot listen: %v", err)
	}
	if err := limitAccept(listener); err != nil {
		log.Printf("limit accept: %v", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", handler())
	mux.Handle("/graceful", &reloader{listener: listener.(*net.TCPListener)})
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second, // a client that connects and says nothing would hold up the drain
		IdleTimeout:       2 * time.Minute,
	}
	served := make(chan struct{})
	go func() {
		serve(server, listener)
		close(served)
	}()
	log.Printf("release %s serves on %s", release, *address)
	endPredecessor()

	<-stop
	listener.Close()
	<-served // no limit of its own: zdr ends this process when the drain takes too long
	log.Printf("release %s is done", release)
}

func listen(address string, isSuccessor bool) (net.Listener, error) {
	if !isSuccessor {
		return net.Listen("tcp", address)
	}
	file := os.NewFile(3, "listener")
	defer file.Close()
	return net.FileListener(file)
}

// reloader starts a successor, one at a time: with two of them, one would be left over.
type reloader struct {
	listener *net.TCPListener

	mutex        sync.Mutex
	hasSuccessor bool
}

func (r *reloader) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	host, _, _ := net.SplitHostPort(request.RemoteAddr)
	if !net.ParseIP(host).IsLoopback() {
		http.Error(w, "only from this host", http.StatusForbidden)
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.hasSuccessor {
		http.Error(w, "a successor was started already", http.StatusConflict)
		return
	}
	successor, err := startSuccessor(r.listener)
	if err != nil {
		log.Printf("release %s stays: %v", release, err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	r.hasSuccessor = true
	go r.watch(successor)
	fmt.Fprintf(w, "started %d\n", successor.Process.Pid)
}

// watch allows another reload when the successor ends before it has ended this process.
func (r *reloader) watch(successor *exec.Cmd) {
	err := successor.Wait()
	log.Printf("release %s stays: its successor has ended: %v", release, err)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.hasSuccessor = false
}

func startSuccessor(listener *net.TCPListener) (*exec.Cmd, error) {
	file, err := listener.File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	successor := exec.Command("./graceful", append(os.Args[1:], "-graceful=true")...)
	successor.Stdin, successor.Stdout, successor.Stderr = os.Stdin, os.Stdout, os.Stderr
	successor.Env = append(os.Environ(), fmt.Sprintf("%s=%d", predecessorKey, os.Getpid()))
	successor.ExtraFiles = []*os.File{file} // the first one becomes fd 3
	successor.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return successor, successor.Start()
}

// endPredecessor asks the process that started this one to drain. One that is gone already is nobody's parent.
func endPredecessor() {
	predecessor, err := strconv.Atoi(os.Getenv(predecessorKey))
	if err != nil || predecessor != os.Getppid() {
		return
	}
	if err := syscall.Kill(predecessor, syscall.SIGTERM); err != nil {
		log.Printf("end the predecessor: %v", err)
	}
}

// limitAccept keeps accept from waiting in the kernel. To hand the socket over, os/exec makes it a blocking one for a
// while (os.File.Fd), here too: it is the same socket. An accept that begins just then would wait for one more
// connection, and with it the drain: the old release would stay until then, and would answer that connection.
func limitAccept(listener net.Listener) error {
	raw, err := listener.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	limit := syscall.NsecToTimeval((10 * time.Millisecond).Nanoseconds())
	var failure error
	err = raw.Control(func(fd uintptr) {
		failure = syscall.SetsockoptTimeval(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)
	})
	if err != nil {
		return err
	}
	return failure
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
