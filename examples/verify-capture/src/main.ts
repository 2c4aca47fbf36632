// Verifies a capture of com.atproto.sync.subscribeRepos in the browser alone: no frame leaves the page.
import { readFrames, readText } from './frames.ts'
import { Judge } from './judge.ts'
import { Accounts } from './keys.ts'
import { page, View } from './view.ts'

const accounts = new Accounts()
let capture: File | null = null
let run = 0

/** Takes files in any order: DID documents as JSON, and one capture. */
async function take(files: readonly File[]): Promise<void> {
  for (const file of files) {
    if (/\.json(\.gz|\.zst)?$/.test(file.name)) {
      const count = accounts.add(JSON.parse(await readText(file)))
      say(count === null ? `${file.name} holds no DID documents` : `${count} DID documents; now the capture`)
    } else {
      capture = file
    }
  }
  if (capture !== null) await verify(capture)
}

async function verify(file: File): Promise<void> {
  // A file that is dropped while another is verified takes its place.
  const mine = ++run
  const view = new View()
  const judge = new Judge(accounts)
  const start = performance.now()
  let shown = start
  for await (const frame of readFrames(file)) {
    view.add(await judge.judge(frame))
    if (mine !== run) return
    if (performance.now() - shown < 50) continue
    view.flush()
    say(`${view.total()} frames …`)
    await new Promise((resolve) => setTimeout(resolve))
    shown = performance.now()
  }
  view.flush()
  const seconds = (performance.now() - start) / 1000
  say(`${view.total()} frames of ${file.name} in ${seconds.toFixed(2)} s`)
}

function say(text: string): void {
  page.status.value = text
}

function begin(files: FileList | null | undefined): void {
  take([...(files ?? [])]).catch((error: unknown) =>
    say(error instanceof Error ? error.message : String(error)),
  )
}

page.files.addEventListener('change', () => begin(page.files.files))
page.online.addEventListener('change', () => {
  accounts.online = page.online.checked
  if (capture !== null) begin(null)
})
page.filter.addEventListener('change', () => {
  page.table.dataset['filter'] = page.filter.value
})
for (const type of ['dragover', 'dragleave', 'drop'] as const) {
  document.addEventListener(type, (event) => {
    event.preventDefault()
    page.drop.classList.toggle('over', type === 'dragover')
    if (type === 'drop') begin(event.dataTransfer?.files)
  })
}
