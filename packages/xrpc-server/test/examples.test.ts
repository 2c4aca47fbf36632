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
  ['query', "{ message: 'hello' }\n"],
  [
    'procedure',
    "{ id: 0 } { id: 1 } { error: 'TooManyNotes', message: 'Two notes are enough' } { error: 'AuthMissing', message: 'Authentication Required' }\n",
  ],
  ['binary', '# HELLO text/markdown\n'],
  ['subscription', '#number { n: 3 }\n#number { n: 4 }\n#number { n: 5 }\n'],
  ['hono', "{ message: 'through' }\nhello from Hono\n{ message: 'beside' }\n"],
  ['express', "hello from Express\n{ message: 'through' }\n"],
])('the example %s prints what it says', async (name, expected) => {
  expect(await run(name)).toEqual({ code: 0, out: expected, errors: '' })
})
