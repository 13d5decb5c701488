import { processEnvironment } from '../src/config/index.ts';
import { runProcess } from './run-process.ts';

await runProcess('callbacks', processEnvironment());
