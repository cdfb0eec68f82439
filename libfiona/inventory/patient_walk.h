// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/inventory/questions.h"

#include <cstddef>
#include <string>
#include <vector>

namespace fiona::inventory {

/// Looks for studies by the first characters of PatientID, as many as it takes: for those whose date
/// tells nothing, because there is none or because one day has too many.
///
/// A PatientID is found only if it is ASCII. A PACS that counts against its limit what it then does
/// not answer (Orthanc: the other case, and % and _ as SQL's wildcards) can hide an id behind many
/// that differ from it in nothing else.
class PatientWalk {
public:
    /// `busy`: ranges of days that had too many studies. Both are borrowed.
    PatientWalk(Questions& questions, const std::vector<Days>& busy);

    /// All studies of `range`, which is around all busy days. Returns how many answers came.
    std::size_t go(const Days& range);

private:
    struct Cut {
        char next = 0;
        Told told;
    };
    struct Siblings {
        std::vector<Cut> cut;
        std::size_t exact = 0; ///< answers to all, cut or not
    };
    std::size_t below(const std::string& prefix);
    std::size_t deeper(const std::string& prefix);
    [[nodiscard]] bool is_explained(const Cut& one, const Siblings& all);

    Questions& m_questions;
    const std::vector<Days>& m_busy;
    Days m_range;
};

} // namespace fiona::inventory
