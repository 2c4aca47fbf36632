import { defineLexiconConfig } from '@atcute/lex-cli'

export default defineLexiconConfig({
  generate: { files: ['lexicons/**/*.json'], outdir: 'generated/atcute/', modules: { importSuffix: '.ts' } },
})
