// Writes docs/from-other-libraries.md, and what README.md shows of it, from the programs of e2e/tasks.
//
//   node scripts/tasks.ts           writes them
//   node scripts/tasks.ts --check   exit code 1 where they are not what the programs make them (a step of npm test)
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { LIBRARIES, NAMES, programsOf, TASKS, type Program, type Task } from '../e2e/tasks/list.ts'

const root = join(import.meta.dirname, '..')
const isCheck = process.argv.includes('--check')

put('docs/from-other-libraries.md', page())
put('README.md', withPrograms(read('README.md')))

function put(file: string, text: string): void {
  if (!isCheck) writeFileSync(join(root, file), text)
  else if (read(file) !== text) {
    console.error(`${file} is not what e2e/tasks says: node scripts/tasks.ts`)
    process.exitCode = 1
  }
}

function read(file: string): string {
  const path = join(root, file)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** Our programs of the tasks that a text names, where it names them. */
function withPrograms(text: string): string {
  return text.replace(/(<!-- tasks (.*) -->\n).*?(<!-- \/tasks -->)/s, (_, open, names: string, close) => {
    const blocks = names.split(' ').map((name) => {
      const task = TASKS.find(({ folder }) => folder === name)
      if (task === undefined) throw new Error(`no such task: ${name}`)
      return fenced(programsOf(task)[0]!)
    })
    return `${open}\n${blocks.join('\n\n')}\n\n${close}`
  })
}

function fenced({ code }: Program): string {
  return `\`\`\`ts\n${code.trimEnd()}\n\`\`\``
}

function page(): string {
  return [
    '# Coming from other libraries',
    `The same everyday tasks in Avocet, in \`@atproto/*\` and in atcute, each as short as the library lets it be. CI installs the packages from
tarballs into an empty folder, type-checks all programs there and runs them as they stand here, on a local network with the names of the real
one; where several libraries do a task, what they print is compared.`,
    `Versions: ${versions()}.`,
    overview(),
    ...TASKS.map(section),
    'This page is written by `node scripts/tasks.ts` from the programs in [e2e/tasks](../e2e/tasks).',
    '',
  ].join('\n\n')
}

/** Lines of each program, the shortest in bold. */
function overview(): string {
  const head = `| task | ${LIBRARIES.map((library) => NAMES[library]).join(' | ')} |\n|---|${'---|'.repeat(LIBRARIES.length)}`
  const rows = TASKS.map((task, index) => {
    const programs = programsOf(task)
    const least = Math.min(...programs.map(({ lines }) => lines))
    const cells = LIBRARIES.map((library) => {
      const lines = programs.find((program) => program.library === library)?.lines
      return lines === undefined ? '–' : lines === least ? `**${lines}**` : lines
    })
    return `| ${index + 1}. [${task.title}](#${anchor(task, index)}) | ${cells.join(' | ')} |`
  })
  return `Lines of each program, blank ones aside:\n\n${[head, ...rows].join('\n')}`
}

function section(task: Task, index: number): string {
  const programs = programsOf(task).map((program) => {
    const command = task.commands?.[program.library]
    const after = command === undefined ? '' : `, after \`${command}\``
    return `${NAMES[program.library]}${after}:\n\n${fenced(program)}`
  })
  const missing = LIBRARIES.flatMap((library) => {
    const why = task.without?.[library]
    return why === undefined ? [] : [`${NAMES[library]}: ${why}`]
  })
  return [`## ${index + 1}. ${task.title}`, task.text, ...programs, ...missing].join('\n\n')
}

/** As GitHub makes them. */
function anchor(task: Task, index: number): string {
  return `${index + 1}. ${task.title}`
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-')
}

/** Of the peers' packages that the programs import, as the workspace pins them. */
function versions(): string {
  const catalog = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
  const imported = (program: Program): string[] =>
    [...program.code.matchAll(/ from '(@at[a-z]+\/[a-z-]+)/g)].map(([, name]) => name!)
  const names = new Set(TASKS.flatMap(programsOf).flatMap(imported))
  return [...names]
    .toSorted()
    .map((name) => `${name} ${new RegExp(`^  '${name}': (.+)$`, 'm').exec(catalog)![1]}`)
    .join(', ')
}
