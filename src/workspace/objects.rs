//! Objects of Git LFS behind the pointers of commits, where the checkout has them.

use std::{collections::BTreeMap, io::Read as _};

use super::{Error, LARGEST_CHANGED, convert::is_large, listing::BUFFER};
use crate::{
    gate::{Change, Fact},
    git::{Checkout, Pointer, Repository, shown},
};

/// `change`, made of commits of `checkout`, with the objects of Git LFS that its new pointers name, as far as the checkout's own
/// Git LFS has fetched them. They are copied into `repository`; one that is not what its name says counts as not there.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Git`].
pub fn with_objects(change: Change, checkout: &Checkout, repository: &Repository) -> Result<Change, Error> {
    let files: Vec<&Fact> = change.facts().iter().filter(|fact| fact.new.is_some_and(|entry| entry.mode.is_file())).collect();
    let paths: Vec<Vec<u8>> = files.iter().map(|fact| fact.path.clone()).collect();
    let attributes = repository.attributes(change.base(), change.before(), &paths)?;
    let mut objects = BTreeMap::new();
    for fact in files {
        let (Some(entry), true) = (fact.new, attributes.get(&fact.path).is_some_and(is_large)) else { continue };
        if repository.blob_size(entry.id)? > Pointer::LONGEST {
            continue;
        }
        let Some(pointer) = Pointer::plain(&repository.blob(entry.id, Pointer::LONGEST)?) else { continue };
        if pointer.size > LARGEST_CHANGED {
            return Err(Error::TooLarge { path: shown(&fact.path), size: pointer.size, limit: LARGEST_CHANGED });
        }
        if copied(checkout, repository, &pointer)? {
            objects.insert(fact.path.clone(), pointer);
        }
    }
    Ok(change.with_objects(objects))
}

fn copied(checkout: &Checkout, repository: &Repository, pointer: &Pointer) -> Result<bool, Error> {
    let Some(file) = checkout.object(pointer) else { return Ok(false) };
    let (mut file, mut keeping, mut buffer) = (file.take(pointer.size), repository.keep_object()?, vec![0; BUFFER]);
    // What cannot be read to its end is another object.
    while let Some(count) = file.read(&mut buffer).ok().filter(|count| *count > 0) {
        keeping.take(&buffer[..count])?;
    }
    Ok(keeping.done()? == *pointer)
}
