# A PSGI application on Starlet under Server::Starter, which takes a new release for any program: on HUP start_server, which
# holds the listening socket, starts the new release beside the old one. If that still lives after a second, it sends TERM
# to the old one, which finishes its requests. start_server, and with it supervisor's pid, stays.
#
# Build:   cp app.psgi dist/ && echo v1.2 > dist/VERSION
# Deploy:  build: { path: dist/ }
#
#     programs:
#       shop: { command: "/usr/bin/start_server --dir {current} --port 127.0.0.1:8080 --
#                           /usr/bin/plackup -E deployment -s Starlet --max-workers 8 app.psgi",
#               reload: server-starter, check: "/usr/bin/perl -c {release}/app.psgi",
#               health: { http: "http://127.0.0.1:8080/healthz" } }

use strict;
use warnings;

use File::Basename qw(dirname);
use JSON::PP       ();
use Plack::Request ();
use Time::HiRes    ();

# Read when the code is loaded: a worker goes on being of the release that it was started from.
my $release    = read_line( dirname(__FILE__) . '/VERSION' );
my $longest_ms = 60_000;

sub read_line {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    chomp( my $line = readline $file );
    return $line;
}

# Dies when this process can not do its work. Ask here what yours depends on: a database, a queue.
sub check_health { }

sub health {
    return eval { check_health(); 1 } ? ( 200, 'ok' ) : ( 503, $@ =~ s/\s+\z//r );
}

# A request that takes its time, to watch a deploy wait for it. A signal ends a sleep, and not the request.
sub slow {
    my ($ms) = @_;
    return ( 400, "ms must be a number from 0 to $longest_ms" )
        unless defined $ms && $ms =~ /\A[0-9]{1,5}\z/ && $ms <= $longest_ms;
    my $until = Time::HiRes::time() + $ms / 1000;
    while ( ( my $left = $until - Time::HiRes::time() ) > 0 ) { Time::HiRes::sleep($left) }
    return ( 200, $release );
}

# A line in the log, to watch that none is lost.
sub write_line {
    my ($request) = @_;
    my $text = JSON::PP->new->allow_nonref->encode( $request->parameters->{text} );
    $request->env->{'psgi.errors'}->print("release $release was told $text\n");
    return ( 200, $release );
}

my %answers = (
    '/'        => sub { ( 200, "hello from $release" ) },
    '/version' => sub { ( 200, $release ) },
    '/healthz' => sub { health() },
    '/slow'    => sub { slow( $_[0]->parameters->{ms} ) },
    '/log'     => sub { write_line( $_[0] ) },
);

my $app = sub {
    my $request = Plack::Request->new(shift);
    my $answer  = $answers{ $request->path_info } // sub { ( 404, 'not found' ) };
    my ( $status, $text ) = $answer->($request);
    my $body    = "$text\n";
    my @headers = (
        'Content-Type'   => 'text/plain; charset=utf-8',
        'Content-Length' => length $body,
        'X-Release'      => $release,
    );
    return [ $status, \@headers, [$body] ];
};

$app;
