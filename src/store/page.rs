//! Pages of lists: bounded, and continued from the last item.

/// Most rows of one page.
pub const PAGE_ROWS_MAX: u32 = 1000;

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<C> {
    /// Rows wanted; held to `1..=`[`PAGE_ROWS_MAX`].
    pub limit: u32,
    /// The cursor of the page before; `None` for the first page.
    pub after: Option<C>,
}

impl<C> Page<C> {
    /// The first page.
    pub const fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    /// Rows of the page, within the bound.
    pub(crate) fn rows(&self) -> usize {
        self.limit.clamp(1, PAGE_ROWS_MAX) as usize
    }

    /// Rows to ask the database for: one more tells whether there is a next page.
    pub(crate) fn rows_and_one(&self) -> i64 {
        i64::from(self.limit.clamp(1, PAGE_ROWS_MAX)) + 1
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T, C> {
    /// The items.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` at the end.
    pub next: Option<C>,
}

impl<T, C> Listed<T, C> {
    /// Cuts the extra row off and takes the cursor from the last item that stays.
    pub(crate) fn cut(mut items: Vec<T>, page: &Page<C>, cursor: impl Fn(&T) -> C) -> Self {
        let more = items.len() > page.rows();
        items.truncate(page.rows());
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }
}
