import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'

/** Runs an example as its reader would. */
async function run(name: string): Promise<{ code: number | null; out: string; errors: string }> {
  const file = new URL(`../examples/${name}.ts`, import.meta.url).pathname
  const child = spawn(process.execPath, [file], { env: { ...process.env, FORCE_COLOR: '0' } })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { code, out, errors }
}

it.each([
  ['call', "200 [ 'found avocets' ]\n{ results: [ 'found by name' ] }\ninvalid-request /q\n"],
  [
    'session',
    "session access-1\nsession access-3\n{ handle: 'alice.example.com', did: 'did:web:alice.example.com' }\naccess-3\n",
  ],
  ['records', '0 first\n1 second\n2 third\n'],
  ['subscription', '#number 1\n#number 2\n#number 3\n#number 4\n#number 5\n3 connections\n'],
])('the example %s prints what it says', async (name, expected) => {
  expect(await run(name)).toEqual({ code: 0, out: expected, errors: '' })
})
