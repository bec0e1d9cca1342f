//! The R-tree of all indexes: loaded once, with wide nodes, asked by boxes.

use std::ops::ControlFlow;

use rstar::{AABB, Point, RStarInsertionStrategy, RTree, RTreeObject, RTreeParams};

/// What lies where.
#[derive(Debug)]
pub(crate) struct Tree<T: RTreeObject>(RTree<T, Wide>);

/// Nodes wide enough to be scanned and not walked; rstar's own have six places.
#[derive(Debug)]
struct Wide;

impl RTreeParams for Wide {
    const MIN_SIZE: usize = 8;
    const MAX_SIZE: usize = 16;
    const REINSERTION_COUNT: usize = 5;
    type DefaultInsertionStrategy = RStarInsertionStrategy;
}

impl<P: Point, T: RTreeObject<Envelope = AABB<P>>> Tree<T> {
    /// The tree of all these.
    pub(crate) fn new(all: Vec<T>) -> Self {
        Self(RTree::bulk_load_with_params(all))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.size()
    }

    /// Calls `found` with each whose box has a point in this one, in no order that means anything.
    pub(crate) fn each_in<'t>(&'t self, reach: AABB<P>, mut found: impl FnMut(&'t T)) {
        self.any_in(reach, |one| {
            found(one);
            false
        });
    }

    /// Whether a box with a point in this one fulfils a condition.
    pub(crate) fn any_in<'t>(
        &'t self,
        reach: AABB<P>,
        mut is_so: impl FnMut(&'t T) -> bool,
    ) -> bool {
        let found = self.0.locate_in_envelope_intersecting_int(reach, |one| {
            if is_so(one) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        found.is_break()
    }
}
