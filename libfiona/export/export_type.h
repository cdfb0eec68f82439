// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/pattern.h"
#include "libfiona/dicom/header.h"
#include "libfiona/export/template.h"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fiona::exports {

/// Where a series goes in a BIDS data set: the first rule that holds.
struct BidsRule {
    std::vector<std::string> types{};   ///< ClassifyType: all of these
    std::vector<std::string> without{}; ///< and none of these
    std::vector<Pattern> description{}; ///< SeriesDescription; empty: any
    std::string folder{};               ///< anat, dwi, func, fmap, perf; "" leaves the series out
    std::string suffix{};               ///< T1w, dwi, bold, ...
    std::vector<std::pair<std::string, std::string>> entities{}; ///< task-rest and the like
};

/// What goes into a package, how it is named and what is changed in it: one entry of exports.json
/// (fiona-files(5)).
struct ExportType {
    std::string name{};
    Template layout{};
    std::vector<std::string> include_sop{};    ///< SOP classes; empty: all
    std::vector<std::string> exclude_prefix{}; ///< of file names: `SR`
    int date_shift_days = 0;
    std::vector<std::pair<dicom::Tag, Template>> set{}; ///< top level; inserted or replaced
    std::vector<dicom::Tag> clear{};                    ///< made empty where they are, at any depth
    enum class Images { dicom, nifti, bids } images = Images::dicom;
    bool has_readme = true;
    std::vector<BidsRule> bids{};
};

/// What a project does in its own way.
struct ProjectNaming {
    Template event{};
    std::vector<std::pair<std::string, std::string>> event_replace{};
    Template folder{};
};

/// exports.json: all types, read and checked at once.
class ExportTypes {
public:
    /// Throws Error{Fault::config} that names type and key; Fault::missing.
    [[nodiscard]] static ExportTypes load(const std::filesystem::path& file);
    [[nodiscard]] static ExportTypes parse(std::string_view text);

    /// "" is `plain`. Throws Error{Fault::config} if there is no such type.
    [[nodiscard]] const ExportType& find(const std::string& name) const;
    [[nodiscard]] const ProjectNaming& naming(const std::string& project) const;
    [[nodiscard]] std::vector<std::string> names() const;

private:
    std::map<std::string, ExportType, std::less<>> m_types;
    std::map<std::string, ProjectNaming, std::less<>> m_projects;
    ProjectNaming m_usual;
};

} // namespace fiona::exports
