import { encodeQR } from 'qr'

import { html, type Html } from '../html.ts'

/** Modules of white around it, which readers need. https://www.iso.org/standard/83389.html */
const QUIET = 4

/** A text as a QR code: black on white, whatever the colours of the page, as readers want it. @param label what those hear who see no pictures */
export function qrCode(text: string, label: string): Html {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: QUIET })
  const size = rows.length
  const path = rows.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ''))).join('')
  return html`<svg
    class="qr"
    role="img"
    aria-label="${label}"
    viewBox="0 0 ${size} ${size}"
    shape-rendering="crispEdges"
  >
    <rect width="${size}" height="${size}" fill="#fff" />
    <path d="${path}" fill="#000" />
  </svg>`
}
