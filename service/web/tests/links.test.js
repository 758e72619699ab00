// Which parts of a text are links.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { linksIn } from '../src/core/links.js';

const hrefs = (text) => linksIn(text).flatMap(({ href }) => href ?? []);

test('addresses in sentences, without what belongs to the sentence', () => {
  assert.deepEqual(hrefs('See https://example.test/run?a=1#b.'), ['https://example.test/run?a=1#b']);
  assert.deepEqual(hrefs('(https://example.test/a_(b)), then http://x.test!'), ['https://example.test/a_(b)', 'http://x.test/']);
  assert.deepEqual(hrefs('<https://example.test/a>, "https://example.test/b"'), ['https://example.test/a', 'https://example.test/b']);
  assert.deepEqual(hrefs('mail mailto:ops@example.test; HTTPS://EXAMPLE.test/É'), [
    'mailto:ops@example.test',
    'https://example.test/%C3%89',
  ]);
  assert.deepEqual(hrefs('https://[::1]:3000/x [https://example.test/c]'), ['https://[::1]:3000/x', 'https://example.test/c']);
});

test('nothing else is one', () => {
  for (const text of [
    'javascript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'xhttps://',
    'https://',
    'http:///',
    'mailto:',
    'www.example.test',
    'https://paypal.test@evil.test/',
    'https://a:b@evil.test/',
    'blob:x',
  ]) {
    assert.deepEqual(hrefs(text), [], text);
  }
});

test('characters that turn the text around end an address', () => {
  assert.deepEqual(hrefs('https://example.test/\u202egpj.exe'), ['https://example.test/']);
});

test('joined, the parts are the text; every link goes to the web or to a mailbox', () => {
  const pieces = fc.constantFrom(
    'https://',
    'http://',
    'mailto:',
    'javascript:',
    'a.test',
    '/',
    '(',
    ')',
    '.',
    '@',
    ' ',
    '\n',
    '\u202e',
    '%',
    '<',
    '&',
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(pieces, fc.string()), { maxLength: 20 }).map((some) => some.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const parts = linksIn(text);
      assert.equal(parts.map((part) => part.text).join(''), text);
      for (const { href } of parts) if (href) assert.ok(['http:', 'https:', 'mailto:'].includes(new URL(href).protocol));
    }),
    { numRuns: 500 },
  );
});

test('what no browser takes is text', () => {
  assert.deepEqual(hrefs(`https://a.test/${'x'.repeat(3000)}`), []);
  assert.deepEqual(hrefs(`https://a.test/${'('.repeat(500)}${')'.repeat(501)}`), [`https://a.test/${'('.repeat(500)}${')'.repeat(500)}`]);
});
