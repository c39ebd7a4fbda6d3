// SPDX-License-Identifier: LGPL-2.1-or-later

// cricli asks a CRI server for one thing: every call of the runtime service by its name with a request
// in JSON, and the streams behind exec, attach and port-forward. For the tests of the engines.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const usage = `usage: cricli SOCKET call METHOD [JSON]       any call of runtime.v1; the answer is printed as JSON
       cricli SOCKET events SECONDS            container events, one JSON object a line
       cricli SOCKET exec [-i] [-t] ID CMD...  the streaming exec; -t with a terminal of 91x31
       cricli SOCKET attach [-i] [-t] ID       until the container's output ends
       cricli SOCKET forward POD LOCAL:REMOTE  port-forward until standard input ends; prints "ready"
`

func main() {
	if len(os.Args) < 4 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	code, err := run(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		if s, ok := status.FromError(err); ok {
			fmt.Fprintf(os.Stderr, "%s: %s\n", s.Code(), s.Message())
		} else {
			fmt.Fprintln(os.Stderr, err)
		}
		if code == 0 {
			code = 1
		}
	}
	os.Exit(code)
}

func run(socket, what string, args []string) (int, error) {
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)))
	if err != nil {
		return 1, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client := runtime.NewRuntimeServiceClient(conn)
	switch what {
	case "call":
		request := "{}"
		if len(args) > 1 {
			request = args[1]
		}
		return 0, call(ctx, conn, args[0], request)
	case "events":
		seconds, err := strconv.Atoi(args[0])
		if err != nil {
			return 2, err
		}
		return 0, events(ctx, client, time.Duration(seconds)*time.Second)
	case "exec", "attach":
		return stream(ctx, client, what, args)
	case "forward":
		return 0, forward(ctx, client, args)
	}
	fmt.Fprint(os.Stderr, usage)
	return 2, nil
}

// call sends a request that is given as JSON to the method of this name.
func call(ctx context.Context, conn *grpc.ClientConn, method, request string) error {
	for _, service := range []string{"runtime.v1.RuntimeService", "runtime.v1.ImageService"} {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
		if err != nil {
			return err
		}
		m := found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
		if m == nil {
			continue
		}
		in, out := dynamicpb.NewMessage(m.Input()), dynamicpb.NewMessage(m.Output())
		if err := protojson.Unmarshal([]byte(request), in); err != nil {
			return fmt.Errorf("request of %s: %w", method, err)
		}
		if err := conn.Invoke(ctx, "/"+service+"/"+method, in, out); err != nil {
			return err
		}
		return print(out)
	}
	return fmt.Errorf("CRI has no method %s", method)
}

func print(m proto.Message) error {
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(text))
	return err
}

func events(ctx context.Context, client runtime.RuntimeServiceClient, how time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, how)
	defer cancel()
	s, err := client.GetContainerEvents(ctx, &runtime.GetEventsRequest{})
	if err != nil {
		return err
	}
	for {
		event, err := s.Recv()
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := print(event); err != nil {
			return err
		}
	}
}

type onceSize struct{ sent bool }

func (s *onceSize) Next() *remotecommand.TerminalSize {
	if s.sent {
		return nil
	}
	s.sent = true
	return &remotecommand.TerminalSize{Width: 91, Height: 31}
}

func stream(ctx context.Context, client runtime.RuntimeServiceClient, what string, args []string) (int, error) {
	stdin, tty := false, false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-i":
			stdin = true
		case "-t":
			tty = true
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return 2, errors.New("which container?")
	}
	var where string
	if what == "exec" {
		r, err := client.Exec(ctx, &runtime.ExecRequest{ContainerId: args[0], Cmd: args[1:], Tty: tty, Stdin: stdin,
			Stdout: true, Stderr: !tty})
		if err != nil {
			return 1, err
		}
		where = r.Url
	} else {
		r, err := client.Attach(ctx, &runtime.AttachRequest{ContainerId: args[0], Tty: tty, Stdin: stdin, Stdout: true,
			Stderr: !tty})
		if err != nil {
			return 1, err
		}
		where = r.Url
	}
	u, err := url.Parse(where)
	if err != nil {
		return 1, err
	}
	config := &restclient.Config{TLSClientConfig: restclient.TLSClientConfig{Insecure: true}}
	executor, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, u)
	if err != nil {
		return 1, err
	}
	options := remotecommand.StreamOptions{Stdout: os.Stdout, Tty: tty}
	if !tty {
		options.Stderr = os.Stderr
	} else {
		options.TerminalSizeQueue = &onceSize{}
	}
	if stdin {
		options.Stdin = os.Stdin
	}
	err = executor.StreamWithContext(ctx, options)
	var exit utilexec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitStatus(), nil
	}
	return 0, err
}

func forward(ctx context.Context, client runtime.RuntimeServiceClient, args []string) error {
	if len(args) != 2 {
		return errors.New("forward needs a pod and LOCAL:REMOTE")
	}
	r, err := client.PortForward(ctx, &runtime.PortForwardRequest{PodSandboxId: args[0]})
	if err != nil {
		return err
	}
	u, err := url.Parse(r.Url)
	if err != nil {
		return err
	}
	transport, upgrader, err := spdy.RoundTripperFor(&restclient.Config{TLSClientConfig: restclient.TLSClientConfig{Insecure: true}})
	if err != nil {
		return err
	}
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, u)
	stop, ready := make(chan struct{}), make(chan struct{})
	go func() {
		<-ready
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	f, err := portforward.New(dialer, []string{args[1]}, stop, ready, io.Discard, os.Stderr)
	if err != nil {
		return err
	}
	return f.ForwardPorts()
}
