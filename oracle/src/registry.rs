//! Who may sign statements, as data: addresses with their providers, owners and stakes, and the numbers of the grades.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::{GradeId, Ppm};
use thiserror::Error;

use crate::cluster::{ClusterId, ProviderId};
use crate::statement::Address;

/// One address of one provider.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Registered {
    /// Under which name it quotes.
    pub provider: ProviderId,
    /// Its beneficial owner.
    pub cluster: ClusterId,
    /// What it has bonded over what is required, at most one.
    pub stake: Ppm,
}

/// Providers by address, and grades by number.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Registry {
    providers: BTreeMap<Address, Registered>,
    classes: BTreeMap<u32, GradeId>,
}

/// Why a list is not a registry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// Too many providers.
    #[error("{count} providers, the limit is {}", Registry::PROVIDERS_MAX)]
    Providers {
        /// How many.
        count: usize,
    },
    /// No grade, or too many.
    #[error("{count} grades, not 1 to {}", Registry::CLASSES_MAX)]
    Classes {
        /// How many.
        count: usize,
    },
    /// Two addresses under one name.
    #[error("provider {provider} has two addresses")]
    TwoAddresses {
        /// Whose.
        provider: ProviderId,
    },
    /// Two numbers of one grade.
    #[error("grade {grade} has two numbers")]
    TwoNumbers {
        /// Which.
        grade: GradeId,
    },
}

impl Registry {
    /// The most providers there may be: as many as one index remembers, for every grade.
    pub const PROVIDERS_MAX: usize = 256;
    /// The most grades.
    pub const CLASSES_MAX: usize = 32;

    /// Providers by their addresses, grades by their numbers.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn new(
        providers: BTreeMap<Address, Registered>,
        classes: BTreeMap<u32, GradeId>,
    ) -> Result<Self, RegistryError> {
        let count = providers.len();
        if Self::PROVIDERS_MAX < count {
            return Err(RegistryError::Providers { count });
        }
        let count = classes.len();
        if count == 0 || Self::CLASSES_MAX < count {
            return Err(RegistryError::Classes { count });
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = providers.values().find(|it| !names.insert(&it.provider)) {
            return Err(RegistryError::TwoAddresses { provider: twice.provider.clone() });
        }
        let mut grades = BTreeSet::new();
        if let Some(twice) = classes.values().find(|it| !grades.insert(*it)) {
            return Err(RegistryError::TwoNumbers { grade: twice.clone() });
        }
        Ok(Self { providers, classes })
    }

    /// Whose address this is.
    #[must_use]
    pub fn provider(&self, address: &Address) -> Option<&Registered> {
        self.providers.get(address)
    }

    /// Which grade has this number.
    #[must_use]
    pub fn grade(&self, class: u32) -> Option<&GradeId> {
        self.classes.get(&class)
    }

    /// The grades, by number.
    pub fn grades(&self) -> impl Iterator<Item = (u32, &GradeId)> {
        self.classes.iter().map(|(class, grade)| (*class, grade))
    }
}
