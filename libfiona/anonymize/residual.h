// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/identity.h"
#include "libfiona/anonymize/profile.h"

#include <filesystem>
#include <string>
#include <vector>

/// Whether anything that identifies a study is left in any directory: de-identified files, logs, JSON, names.
namespace fiona::anonymize {

struct Residue {
    std::filesystem::path file; ///< empty if the name itself holds it; then see `directory`
    std::filesystem::path directory;
    std::string where; ///< "0008,1030", "file name", "byte 4711"
    std::string what;  ///< kind, never the value
};

struct KnownIdentity {
    std::vector<std::filesystem::path> originals; ///< DICOM files, or directories of them
    std::vector<std::filesystem::path> given;     ///< JSON files as of fiona-anonymize --phi
    std::vector<std::string> harmless;            ///< participant, project, event
};
/// Throws Error{Fault::data} if nothing identifying is known: a search for nothing finds nothing.
[[nodiscard]] Identity identity_of(const KnownIdentity& known, const Profile& profile);

struct ResidueReport {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
    std::vector<Residue> found;
};
/// Every file below `root`: DICOM headers element by element in their character sets, pixel data not;
/// everything else byte by byte, in blocks. Links are not followed, their names and targets are read.
[[nodiscard]] ResidueReport find_residue(const std::filesystem::path& root,
                                         const Identity& identity);

} // namespace fiona::anonymize
