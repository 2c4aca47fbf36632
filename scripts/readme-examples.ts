// Runs the example of every README: the blocks fenced as ```ts run. An example that throws, hangs or is missing fails.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const TIME_LIMIT_MS = 30_000

/** Runs all examples, two at a time. Prints one line each. @returns how many passed and failed */
export async function runReadmeExamples(root: string): Promise<{ passed: number; failed: number }> {
  const folders = ['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => join(parent, name)),
  )
  const queue = folders.flatMap((folder) => examplesOf(root, folder))
  let passed = 0
  let failed = 0
  const worker = async (): Promise<void> => {
    for (let example = queue.shift(); example; example = queue.shift()) {
      const problem = 'missing' in example ? example.missing : await runExample(root, example)
      if (problem === null) {
        passed += 1
        console.log(`✓ ${example.folder}/README.md`)
      } else {
        failed += 1
        console.log(`✗ ${example.folder}/README.md\n${problem}`)
      }
    }
  }
  await Promise.all([worker(), worker()])
  return { passed, failed }
}

type Example = { folder: string; index: number; code: string } | { folder: string; missing: string }

function examplesOf(root: string, folder: string): Example[] {
  const readme = join(root, folder, 'README.md')
  if (!existsSync(readme)) return [{ folder, missing: 'no README.md' }]
  const blocks = [...readFileSync(readme, 'utf8').matchAll(/^```ts run\n(.*?)^```$/gms)]
  if (blocks.length > 0) return blocks.map((block, index) => ({ folder, index, code: block[1] ?? '' }))
  return folder.startsWith('apps') ? [] : [{ folder, missing: 'its README.md has no ```ts run block' }]
}

/** @returns null when it ran to its end, else what it printed */
function runExample(
  root: string,
  example: { folder: string; index: number; code: string },
): Promise<string | null> {
  // Beside the package's own package.json, so that imports by package name resolve as they would for a user.
  const file = join(root, example.folder, `readme-example-${example.index}.tmp.ts`)
  writeFileSync(file, example.code)
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(process.execPath, [file], { cwd: join(root, example.folder), timeout: TIME_LIMIT_MS })
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('close', (code, signal) => {
      rmSync(file, { force: true })
      resolve(code === 0 ? null : `${output}\nexit code ${code ?? signal}`)
    })
  })
}
