import * as fc from 'fast-check'

/*
 * tap loads this before each test file: what is generated is the same in every run, so that a change is judged by itself.
 * Another seed looks elsewhere: FUZZ_SEED=$RANDOM npm test. A file run with plain node takes a new seed each time.
 */
fc.configureGlobal({ seed: Number(process.env['FUZZ_SEED'] ?? 20_261_121) })
