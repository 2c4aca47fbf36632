// Puts an app with all it needs into an empty folder, from which Node runs it without this workspace: third-party packages by
// the lock file, those of this house compiled.
//
//   node scripts/deploy.ts pds /opt/avocet-pds
//   /opt/avocet-pds/dist/main.js --help
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

type Manifest = { publishConfig?: Record<string, unknown> } & Record<string, unknown>

const root = join(import.meta.dirname, '..')
const [app, folder] = process.argv.slice(2)
if (app === undefined || folder === undefined || !existsSync(join(root, 'apps', app))) {
  console.error(
    `node scripts/deploy.ts <app> <folder>\n\napps: ${readdirSync(join(root, 'apps')).join(', ')}`,
  )
  process.exit(1)
}
const target = resolve(folder)
if (existsSync(target) && readdirSync(target).length > 0) {
  console.error(`the folder is not empty; path=${target}`)
  process.exit(1)
}

run('turbo', 'run', 'generate', '--output-logs=errors-only')
run('tsc', '-b', `apps/${app}`)
run(
  'pnpm',
  '--config.inject-workspace-packages=true',
  '--filter',
  `@avocet/${app}`,
  'deploy',
  '--prod',
  target,
)
const house = join(target, 'node_modules', '.pnpm')
const ours = readdirSync(house).filter((name) => name.startsWith('@avocet+'))
for (const entry of ours) {
  const scope = join(house, entry, 'node_modules', '@avocet')
  const name = entry.slice('@avocet+'.length).split('@')[0]!
  asPublished(join(scope, name))
}
asPublished(target)
const main = join(target, 'dist', 'main.js')
if (existsSync(main)) chmodSync(main, 0o755)
console.log(`${app} and ${ours.length} packages of this house are in ${target}`)

/** What publishing does to a package: its exports lead to what was compiled. Sources stay behind. */
function asPublished(path: string): void {
  const file = join(path, 'package.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
  const { publishConfig = {}, ...rest } = manifest
  const { access: _, ...fields } = publishConfig
  // A file of its own: the one there may be a hard link to the workspace's.
  rmSync(file)
  writeFileSync(file, `${JSON.stringify({ ...rest, ...fields }, null, 2)}\n`)
  rmSync(join(path, 'src'), { recursive: true, force: true })
}

function run(name: string, ...args: string[]): void {
  const path = `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`
  const { status } = spawnSync(name, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  })
  if (status !== 0) throw new Error(`${name} ${args.join(' ')} failed`)
}
