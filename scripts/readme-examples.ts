// Runs the example of every README, and those of the guides: the blocks fenced as ```ts run. An example that throws, hangs or is
// missing fails, and so does a README of a package whose examples import what its install lines do not name. They get a Postgres (DATABASE_URL) and a did:plc directory (PLC_URL) of their own; a block fenced as ```ts run
// postgres is left out, and said to be, where there is no Postgres.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { createPlcDirectory } from '../apps/plc-directory/src/app.ts'
import { startPostgres } from '../testing/src/postgres.ts'

const TIME_LIMIT_MS = 30_000

/** Guides with examples, and the folder in which those run: its package.json has what they import. */
const GUIDES = [{ file: 'docs/embedding.md', folder: 'examples/bridge' }]

/** Runs all examples, two at a time. Prints one line each. @returns how many passed and failed */
export async function runReadmeExamples(root: string): Promise<{ passed: number; failed: number }> {
  const folders = ['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => join(parent, name)),
  )
  const queue = [
    ...folders.flatMap((folder) => examplesOf(root, join(folder, 'README.md'), folder)),
    ...GUIDES.flatMap(({ file, folder }) => examplesOf(root, file, folder)),
  ]
  const postgres = await startPostgres()
  await using plc = await createPlcDirectory({ port: 0 })
  const env = {
    ...process.env,
    PLC_URL: plc.url,
    ...(postgres === null ? {} : { DATABASE_URL: postgres.url }),
  }
  let passed = 0
  let failed = 0
  const worker = async (): Promise<void> => {
    for (let example = queue.shift(); example; example = queue.shift()) {
      if ('code' in example && example.needsPostgres && postgres === null) {
        console.warn(`SKIPPED: an example of ${example.file}; no Postgres`)
        continue
      }
      const problem = 'missing' in example ? example.missing : await runExample(root, example, env)
      if (problem === null) {
        passed += 1
        console.log(`✓ ${example.file}`)
      } else {
        failed += 1
        console.log(`✗ ${example.file}\n${problem}`)
      }
    }
  }
  await Promise.all([worker(), worker()])
  await postgres?.close()
  return { passed, failed }
}

type Block = { file: string; folder: string; index: number; code: string; needsPostgres: boolean }
type Example = Block | { file: string; missing: string }

function examplesOf(root: string, file: string, folder: string): Example[] {
  const path = join(root, file)
  if (!existsSync(path)) return [{ file, missing: 'there is none' }]
  const text = readFileSync(path, 'utf8')
  const foreign = folder.startsWith('packages') ? notInstalled(text) : []
  const examples: Example[] = [...text.matchAll(/^```ts run( postgres)?\n(.*?)^```$/gms)].map(
    ([, postgres, code = ''], index) => ({
      file,
      folder,
      index,
      code,
      needsPostgres: postgres !== undefined,
    }),
  )
  if (foreign.length > 0) {
    examples.push({ file, missing: `it imports what no line of npm install names: ${foreign.join(' ')}` })
  }
  if (examples.length === 0 && !folder.startsWith('apps'))
    examples.push({ file, missing: 'it has no ```ts run block' })
  return examples
}

/** Packages that the examples of a README import, and that who follows its install lines does not have. */
function notInstalled(text: string): string[] {
  const lines = [...text.matchAll(/^npm install ([^#\n]*)/gm)]
  const installed = new Set(lines.flatMap(([, names = '']) => names.split(' ')))
  const code = [...text.matchAll(/^```ts[^\n]*\n(.*?)^```$/gms)].map(([, block = '']) => block).join('')
  const imports = [...code.matchAll(/(?:from|import) '(?!node:)((?:@[a-z-]+\/)?[a-z][a-z\d.-]*)/g)].map(
    ([, name = '']) => name,
  )
  return [...new Set(imports)].filter((name) => !installed.has(name))
}

/** @returns null when it ran to its end, else what it printed */
function runExample(root: string, example: Block, env: NodeJS.ProcessEnv): Promise<string | null> {
  // Beside the package's own package.json, so that imports by package name resolve as they would for a user.
  const file = join(root, example.folder, `readme-example-${example.index}.tmp.ts`)
  writeFileSync(file, example.code)
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(process.execPath, [file], {
      cwd: join(root, example.folder),
      timeout: TIME_LIMIT_MS,
      env,
    })
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('close', (code, signal) => {
      rmSync(file, { force: true })
      resolve(code === 0 ? null : `${output}\nexit code ${code ?? signal}`)
    })
  })
}
