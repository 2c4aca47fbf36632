import type { Owner } from '../../account/owner-page.ts'
import { html, type Html } from '../../html.ts'
import { hidden } from '../parts.ts'

/** Downloads of what an account holds. */
export function archivePage({ texts, fields }: Owner): Html {
  const { archive } = texts
  const button = (act: string, text: string): Html =>
    html`<form method="post" action="/account/export">
      ${hidden({ ...fields, do: act })} <button>${text}</button>
    </form>`
  return html`<p>${archive.what}</p>
    <h2>${archive.repoTitle}</h2>
    <p>${archive.repo}</p>
    ${button('repo', archive.repoButton)}
    <h2>${archive.blobsTitle}</h2>
    <p>${archive.blobs}</p>
    ${button('files', archive.blobsButton)}`
}
