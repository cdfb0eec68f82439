// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace fiona::routing {

/// Which projects a person may work with. `<config>/assign-groups.json` maps Unix groups to projects:
/// `{"radiology": ["DEMO", "GLIOMA"], "research-office": ["*"]}`. Without the file everybody may use all.
///
/// The person is who ran sudo (SUDO_USER), else the user of the process. Root and the owner of the file
/// without sudo may use all: they could change the file.
class Permissions {
public:
    /// All projects.
    Permissions() = default;
    /// Throws Error{Fault::config} if the file is no such map or others than its owner may write it.
    [[nodiscard]] static Permissions load(const std::filesystem::path& file);
    /// What the members of these groups may use, by the text of a file.
    [[nodiscard]] static Permissions parse(std::string_view text,
                                           const std::set<std::string>& groups);

    [[nodiscard]] bool allows(std::string_view project) const;
    /// Throws Error{Fault::permission}.
    void check(const ProjectName& project) const;

private:
    std::optional<std::set<std::string, std::less<>>> m_projects; ///< nothing: all
};

} // namespace fiona::routing
