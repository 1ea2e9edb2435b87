//! From words and braces to nested blocks; goes on after errors.
//!
//! A block belongs to the line before its `{`. A block that is still open where its file ends is
//! closed there, so that a lost `}` in one included file does not swallow the others; and a block
//! keyword of the top level ends whatever was left open before it. What the keywords mean is the
//! business of the stages behind.

use std::collections::VecDeque;

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::keywords::is_root_block;
use super::lexer::{Item, Lexer, Word};
use super::text::{FileId, Span};

/// Blocks within blocks. keepalived's deepest is a `url` at 4.
const MAX_NESTING: usize = 16;

/// A line and the block behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node<'s> {
    /// The keyword.
    pub(crate) keyword: Word<'s>,
    /// What stands behind the keyword on its line.
    pub(crate) arguments: Vec<Word<'s>>,
    /// `{ … }`
    pub(crate) block: Option<Block<'s>>,
}

impl Node<'_> {
    /// The keyword and its arguments.
    pub(crate) fn span(&self) -> Span {
        self.arguments
            .last()
            .map_or(self.keyword.span, |last| self.keyword.span.to(last.span))
    }

    /// The line as one would write it: the keyword and its first arguments.
    pub(crate) fn title(&self) -> String {
        let words = std::iter::once(&self.keyword)
            .chain(&self.arguments)
            .take(3);
        words
            .map(|word| word.text.as_ref())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// The inside of a pair of braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block<'s> {
    /// `{`
    pub(crate) open: Span,
    /// The lines.
    pub(crate) nodes: Vec<Node<'s>>,
}

/// The tree of a whole configuration, of which only one block of the top level need be in memory
/// at a time.
pub(crate) struct Tree<'l, 's, 'd> {
    lexer: &'l mut Lexer<'s, 'd>,
    builder: Builder<'s>,
}

impl<'l, 's, 'd> Tree<'l, 's, 'd> {
    /// Of all that `lexer` reads.
    pub(crate) fn new(lexer: &'l mut Lexer<'s, 'd>) -> Self {
        Self {
            lexer,
            builder: Builder::default(),
        }
    }

    /// The next line or block of the top level.
    pub(crate) fn next_root(&mut self) -> Option<Node<'s>> {
        loop {
            if let Some(node) = self.builder.root.pop_front() {
                return Some(node);
            }
            if let Some(item) = self.lexer.next_item() {
                self.builder.take(item, self.lexer);
            } else {
                self.builder.close_down_to(0);
                return self.builder.root.pop_front();
            }
        }
    }

    /// Where the stage behind puts its remarks.
    pub(crate) fn diagnostics(&mut self) -> &mut Diagnostics {
        self.lexer.diagnostics()
    }
}

#[derive(Default)]
struct Builder<'s> {
    /// Blocks that are complete.
    root: VecDeque<Node<'s>>,
    /// The open blocks, outermost first.
    open: Vec<Frame<'s>>,
    /// The last line, as long as a `{` may follow.
    last: Option<Node<'s>>,
    /// Open braces of a block that is not wanted.
    skipping: usize,
    /// The last block of the top level that was closed, and the `}` that did it.
    closed: Option<(String, Span)>,
}

struct Frame<'s> {
    node: Node<'s>,
    block: Block<'s>,
}

impl<'s> Builder<'s> {
    fn take(&mut self, item: Item<'s>, lexer: &mut Lexer<'s, '_>) {
        match item {
            Item::EndOfFile(file) => self.end_of_file(file, lexer),
            Item::Words(words) if self.skipping == 0 => self.line(words),
            Item::Words(_) => {}
            Item::Open(span) if self.skipping == 0 => self.open(span, lexer),
            Item::Open(_) => self.skipping += 1,
            Item::Close(span) if self.skipping == 0 => self.close(span, lexer),
            Item::Close(_) => self.skipping -= 1,
        }
    }

    fn line(&mut self, mut words: Vec<Word<'s>>) {
        self.end_line();
        if !words.is_empty() {
            // The words behind it are few, and stay where they are.
            let keyword = words.remove(0);
            self.last = Some(Node {
                keyword,
                arguments: words,
                block: None,
            });
        }
    }

    fn end_line(&mut self) {
        if let Some(node) = self.last.take() {
            self.add(node);
        }
    }

    fn add(&mut self, node: Node<'s>) {
        match self.open.last_mut() {
            Some(frame) => frame.block.nodes.push(node),
            None => self.root.push_back(node),
        }
    }

    fn open(&mut self, span: Span, lexer: &mut Lexer<'s, '_>) {
        let Some(node) = self.last.take() else {
            self.skipping = 1;
            let message = "no keyword stands before this `{`, so its block is skipped";
            return lexer.report(Diagnostic::error(Code::Brace, span, message));
        };
        if let Some(outermost) = self.open.first()
            && is_root_block(&node.keyword.text)
        {
            let message = format!(
                "`{}` is not closed: a `}}` is missing",
                outermost.node.title()
            );
            let unclosed = Diagnostic::error(Code::Brace, outermost.node.span(), message).related(
                node.span(),
                "this stands at the top level only, so the block ends here",
            );
            lexer.report(unclosed);
            self.close_down_to(0);
        }
        if self.open.len() >= MAX_NESTING {
            self.skipping = 1;
            let message = format!("blocks are nested deeper than {MAX_NESTING}: this is skipped");
            return lexer.report(Diagnostic::error(Code::Brace, span, message));
        }
        self.open.push(Frame {
            node,
            block: Block {
                open: span,
                nodes: Vec::new(),
            },
        });
    }

    fn close(&mut self, span: Span, lexer: &mut Lexer<'s, '_>) {
        self.end_line();
        if let [outermost] = self.open.as_slice() {
            self.closed = Some((outermost.node.title(), span));
        }
        if let Some(depth) = self.open.len().checked_sub(1) {
            self.close_down_to(depth);
            return;
        }
        let message = "this `}` closes nothing";
        let surplus = Diagnostic::error(Code::Brace, span, message);
        let surplus = surplus.help("take it away, or the `}` too many before it");
        lexer.report(match &self.closed {
            Some((title, place)) => surplus.related(*place, format!("`{title}` is closed here")),
            None => surplus,
        });
    }

    /// Closes blocks until only `depth` are open.
    fn close_down_to(&mut self, depth: usize) {
        self.end_line();
        while self.open.len() > depth
            && let Some(Frame { node, block }) = self.open.pop()
        {
            self.add(Node {
                block: Some(block),
                ..node
            });
        }
    }

    fn end_of_file(&mut self, file: FileId, lexer: &mut Lexer<'s, '_>) {
        self.end_line();
        self.skipping = 0;
        let Some(depth) = self
            .open
            .iter()
            .position(|frame| frame.block.open.file == file)
        else {
            return;
        };
        if let Some(outermost) = self.open.get(depth) {
            let missing = match self.open.len() - depth {
                1 => "a `}` is missing".to_owned(),
                many => format!("{many} `}}` are missing"),
            };
            let title = outermost.node.title();
            let message = format!("`{title}` is not closed where its file ends: {missing}");
            lexer.report(Diagnostic::error(
                Code::Brace,
                outermost.node.span(),
                message,
            ));
        }
        self.close_down_to(depth);
    }
}

#[cfg(test)]
mod tests;
