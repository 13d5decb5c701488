/** Loaded into the processes that tests spawn (`--import`): one whose test process is gone ends too. */

process.on('disconnect', () => process.exit(86));
// Only a leash: it must not keep a process running that is done.
process.channel?.unref();
