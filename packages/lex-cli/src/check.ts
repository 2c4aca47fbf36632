import { checkDocuments, type LexiconDocument } from '@avocet/lexicon'
import { compareDocuments } from './compat/document.ts'
import { problemAt, readLexicons, type LexiconFile } from './folder.ts'
import { withBundled } from './install.ts'
import { documentFindings, groupFindings } from './lint/document.ts'
import { fieldFindings, type Finding } from './lint/fields.ts'
import { walkFields } from './lint/walk.ts'
import type { Problem } from './problem.ts'

/** What to check. */
export type CheckOptions = {
  /** Files and folders. */
  readonly paths: readonly string[]
  /** The published version to compare with: files and folders. */
  readonly against?: readonly string[]
  /** Documents that may be referred to without being there. */
  readonly bundled?: (nsid: string) => LexiconDocument | undefined
  /** Rules of style to leave out. */
  readonly ignore?: readonly string[]
  /** What shown paths are relative to. */
  readonly base?: string
}

/**
 * Checks lexicons: that they are lexicons, that their references lead somewhere, the rules of the style guide (as
 * warnings), and, against a published version, that nothing breaks (as errors).
 */
export async function check(options: CheckOptions): Promise<{ problems: Problem[]; lexicons: number }> {
  const { paths, against, bundled = () => undefined, ignore = [], base } = options
  const { lexicons, problems: unread } = await readLexicons(paths, base)
  const problems = [...unread]
  const byId = new Map(lexicons.map((source) => [source.document.id, source]))
  const documents = lexicons.map(({ document }) => document)
  for (const problem of checkDocuments(withBundled(documents, bundled))) {
    const source = byId.get(problem.nsid)
    if (source === undefined) continue
    problems.push(problemAt(source, problem.path, 'reference', problem.message, referenceHint(problem.code)))
  }
  const groups = groupFindings(documents)
  for (const source of lexicons) {
    const found: Finding[] = documentFindings(source.document)
    const group = groups.get(source.document.id)
    if (group !== undefined) found.push(group)
    walkFields(source.document, (visited) => found.push(...fieldFindings(visited)))
    found.push(...fileFindings(source))
    for (const { rule, path, message, hint, severity = 'warning' } of found) {
      if (!ignore.includes(rule)) problems.push(problemAt(source, path, rule, message, hint, severity))
    }
  }
  if (against !== undefined) problems.push(...(await breaking(byId, against, base)))
  return { problems: problems.toSorted(byPlace), lexicons: lexicons.length }
}

function referenceHint(code: string): string {
  if (code === 'dangling-ref') return 'install the lexicon it is in (avocet-lex install), or mend the name'
  if (code === 'invalid-ref') return 'refs lead to data, unions to objects and records'
  return 'make one of the properties on the way optional'
}

function fileFindings({ file, document }: LexiconFile): Finding[] {
  const path = file.replaceAll('\\', '/').replace(/\.json$/, '')
  const nested = document.id.split('.').join('/')
  const last = document.id.slice(document.id.lastIndexOf('.') + 1)
  const fits =
    path.endsWith(nested) || path.split('/').at(-1) === document.id || path.split('/').at(-1) === last
  if (fits) return []
  return [
    {
      rule: 'file-name',
      path: '/id',
      message: `is the lexicon ${document.id}`,
      hint: `call the file ${nested}.json`,
    },
  ]
}

/** What would break for those who use the published version. */
async function breaking(
  byId: ReadonlyMap<string, LexiconFile>,
  against: readonly string[],
  base: string | undefined,
): Promise<Problem[]> {
  const old = await readLexicons(against, base)
  const problems: Problem[] = [...old.problems]
  for (const { document, file } of old.lexicons) {
    const source = byId.get(document.id)
    if (source === undefined) {
      problems.push({
        severity: 'error',
        rule: 'breaking',
        file,
        path: '',
        message: `${document.id} is gone`,
        hint: 'keep published lexicons; say in the description that it is deprecated',
      })
      continue
    }
    for (const { path, message, severity } of compareDocuments(document, source.document)) {
      const hint = severity === 'error' ? 'publish it under a new name (…V2), or undo the change' : undefined
      problems.push(problemAt(source, path, 'breaking', message, hint, severity))
    }
  }
  return problems
}

function byPlace(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
}
