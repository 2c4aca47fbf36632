// Keeps the graph and the table of packages in README.md and ARCHITECTURE.md true: both are written from the package.json
// files, between the marks `<!-- graph -->` … `<!-- /graph -->` and `<!-- packages -->` … `<!-- /packages -->`.
//
//   node scripts/graph.ts           writes them
//   node scripts/graph.ts --check   exit 1 when they are out of date
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Member {
  name: string
  folder: string
  description: string
  layer: string
  uses: string[]
}

const root = join(import.meta.dirname, '..')
const check = process.argv.includes('--check')
const members = ['packages', 'apps'].flatMap((parent) =>
  readdirSync(join(root, parent))
    .filter((name) => existsSync(join(root, parent, name, 'package.json')))
    .map((name) => readMember(`${parent}/${name}`)),
)
const layers = [...new Set(members.map((member) => member.layer))].toSorted(
  (a, b) => Number(a === 'app') - Number(b === 'app') || a.localeCompare(b),
)

let stale = false
for (const file of ['README.md', 'ARCHITECTURE.md']) {
  const path = join(root, file)
  const before = readFileSync(path, 'utf8')
  const after = fill(fill(before, 'graph', graph()), 'packages', table())
  if (after === before) continue
  stale = true
  if (!check) writeFileSync(path, after)
  console.log(check ? `${file} is out of date: run node scripts/graph.ts` : `wrote ${file}`)
}
process.exitCode = check && stale ? 1 : 0

function readMember(folder: string): Member {
  const json = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
    name: string
    description: string
    dependencies?: Record<string, string>
  }
  const { tags } = JSON.parse(readFileSync(join(root, folder, 'turbo.json'), 'utf8')) as { tags: string[] }
  return {
    name: json.name,
    folder,
    description: json.description,
    layer: tags[0] ?? 'app',
    uses: Object.keys(json.dependencies ?? {}).filter((name) => name.startsWith('@avocet/')),
  }
}

/** Only edges that no longer path implies, so that the picture stays readable. */
function graph(): string {
  const byName = new Map(members.map((member) => [member.name, member]))
  const reach = (name: string): Set<string> =>
    new Set((byName.get(name)?.uses ?? []).flatMap((used) => [used, ...reach(used)]))
  const id = (name: string): string => name.replace('@avocet/', '')
  const lines = ['```mermaid', 'graph BT']
  for (const layer of layers) {
    lines.push(`  subgraph ${layer === 'app' ? 'apps' : layer.replace('layer-', 'L')}`)
    for (const member of members) if (member.layer === layer) lines.push(`    ${id(member.name)}`)
    lines.push('  end')
  }
  for (const member of members) {
    const implied = new Set(member.uses.flatMap((used) => [...reach(used)]))
    for (const used of member.uses) {
      if (!implied.has(used)) lines.push(`  ${id(member.name)} --> ${id(used)}`)
    }
  }
  return [...lines, '```'].join('\n')
}

function table(): string {
  const rows = layers.flatMap((layer) =>
    members
      .filter((member) => member.layer === layer)
      .map((member) => {
        const short = member.name.replace('@avocet/', '')
        const uses = member.uses.map((used) => used.replace('@avocet/', '')).join(', ') || '–'
        return `| ${layer === 'app' ? 'app' : layer.replace('layer-', 'L')} | [${short}](${member.folder}) | ${member.description} | ${uses} |`
      }),
  )
  return ['| layer | package | what it does | imports |', '|---|---|---|---|', ...rows].join('\n')
}

function fill(text: string, mark: string, content: string): string {
  const pattern = new RegExp(`(<!-- ${mark} -->\\n).*?(<!-- /${mark} -->)`, 's')
  return text.replace(pattern, (_, open: string, close: string) => `${open}${content}\n${close}`)
}
