import { createHash } from 'node:crypto'

import type { Brand } from './brand.ts'
import { html, markupOf, styleElement, type Fragment, type Html } from './html.ts'
import { PASSKEY_SCRIPT } from './passkey-script.ts'
import { styleSheet } from './style.ts'
import type { Texts } from './texts/texts.ts'

/** A page, before its frame. */
export interface PageContent {
  readonly title: string
  readonly body: Fragment
  /** What stands above it, for whoever is signed in; a link leads past it. */
  readonly navigation?: Fragment
  /** For pages with lists. */
  readonly isWide?: boolean
  /** Whether passkeys are used on it, which takes a script. */
  readonly usesPasskeys?: boolean
}

/** What surrounds each page. */
export interface Layout {
  /** A whole document. */
  render(texts: Texts, content: PageContent): string
  /** The one source of styles that a page may have, for its policy. */
  readonly styleSource: string
}

/**
 * The frame of all pages: name, logo and links from the settings, one style sheet, and a script where passkeys are used.
 * @param more rules of pages that need some of their own
 */
export function createLayout(brand: Brand, more = ''): Layout {
  const sheet = styleSheet(brand) + more
  const style = styleElement(sheet)
  const styleSource = `'sha256-${createHash('sha256').update(sheet).digest('base64')}'`

  const link = (url: string | null, text: string): Html | null =>
    url === null ? null : html`<a href="${url}">${text}</a>`

  return {
    styleSource,
    render: (texts, { title, body, navigation = null, isWide = false, usesPasskeys = false }) => {
      const document = html`<!doctype html>
        <html lang="${texts.language}">
          <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <meta name="robots" content="noindex" />
            <title>${title} · ${brand.name}</title>
            ${style}
          </head>
          <body>
            ${navigation !== null && html`<a class="skip" href="#main">${texts.footer.skip}</a>`}
            <div class="${isWide ? 'page wide' : 'page'}">
              <header>
                ${brand.logoUrl !== null && html`<img src="${brand.logoUrl}" alt="" />`}<span
                  >${brand.name}</span
                >
              </header>
              ${navigation}
              <main id="main" tabindex="-1">
                <h1>${title}</h1>
                ${body}
              </main>
              <footer>
                <nav aria-label="${texts.footer.label}">
                  ${link(brand.homeUrl, texts.footer.home)}${link(brand.termsUrl, texts.footer.terms)}${link(
                    brand.privacyUrl,
                    texts.footer.privacy,
                  )}${link(brand.supportUrl, texts.footer.support)}
                </nav>
              </footer>
            </div>
            ${usesPasskeys && PASSKEY_SCRIPT}
          </body>
        </html> `
      return markupOf(document)
    },
  }
}
