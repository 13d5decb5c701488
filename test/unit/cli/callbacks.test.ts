import { describe, expect, it } from 'vitest';
import { callbackList } from '../../../src/http/openapi/callback-examples.ts';
import { Stub } from '../client/stub.ts';
import { run } from './harness.ts';

const [callback] = callbackList.data;
const id = callback?.id ?? '';
const onItsWay = { status: 202, json: { id, status: 'waiting' } };

describe('callbacks', () => {
  it('alone is the process', async () => {
    const started: string[] = [];
    const startProcess = (role: string): Promise<void> => {
      started.push(role);
      return Promise.resolve();
    };
    expect(await run(['callbacks'], { deps: { startProcess } })).toMatchObject({ code: 0 });
    expect(started).toEqual(['callbacks']);
  });

  it('list shows those that were given up, and why', async () => {
    await using stub = await Stub.start({ json: callbackList }, { json: callbackList });
    const { code, stdout } = await run(['callbacks', 'list', '--url', stub.url]);
    expect(code).toBe(0);
    expect(stdout).toContain(`${id}  run.completed  hooks.example.com  8 tries  answered 503`);
    const { stdout: json } = await run(['callbacks', 'list', '--json', '--url', stub.url]);
    expect(JSON.parse(json)).toEqual(callback);
  });

  it('list says so when there are none', async () => {
    await using stub = await Stub.start({ json: { ...callbackList, data: [] } });
    const { code, stderr } = await run(['callbacks', 'list', '--url', stub.url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'None has been given up.\n' });
  });

  it('redrive sends those that are named', async () => {
    await using stub = await Stub.start(onItsWay, onItsWay);
    const { code, stdout } = await run(['callbacks', 'redrive', id, 'cb_2', '--url', stub.url]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${id}  on its way again\ncb_2  on its way again\n`,
    });
    expect(stub.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `POST /v1/callbacks/${id}/redrive`,
      'POST /v1/callbacks/cb_2/redrive',
    ]);
  });

  it('redrive --all sends all of them', async () => {
    await using stub = await Stub.start({ json: callbackList }, onItsWay);
    const { code } = await run(['callbacks', 'redrive', '--all', '--url', stub.url]);
    expect(code).toBe(0);
    expect(stub.requests.map(({ method }) => method)).toEqual(['GET', 'POST']);
  });

  it('redrive of nothing is a mistake', async () => {
    const { code, stderr } = await run(['callbacks', 'redrive']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'runfleet: name the callbacks, or give --all\n' });
  });
});
