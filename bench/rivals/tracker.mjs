// The server alone: the package's own command also loads its client, whose native part no install script has built.
import Server from 'bittorrent-tracker/server';

const server = new Server({ http: false, udp: false, ws: true, stats: false });
server.on('error', (error) => {
  process.stderr.write(`bittorrent-tracker: ${error.message}\n`);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.http.address().port}\n`));
