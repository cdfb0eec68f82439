// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"

#include <filesystem>
#include <string>
#include <vector>

namespace fiona::triggers {

/// "If this happens, mail me that": what a user has put together on the profile page.
struct Link {
    std::string id;
    std::string user; ///< of the users' database; the address comes from there, never from here
    std::string event;
    std::string action;
    std::vector<std::string>
        parameters;       ///< `action_param`: projects, unless the event says otherwise
    json::Value document; ///< the whole object, for the programs

    /// Changes when the link becomes another one: what is remembered of the old one then means nothing.
    [[nodiscard]] std::string fingerprint() const;
    /// `ACTION (PARAMETERS)`
    [[nodiscard]] std::string subject() const;
};

struct Links {
    std::vector<Link> links;
    std::vector<std::string> complaints; ///< one for each entry that is no link, or has an id twice
};

/// `links.json`: an array, or an object of links. None if there is no such file. Throws Error{Fault::data}
/// if the whole file is no such thing.
[[nodiscard]] Links read_links(const std::filesystem::path& file);

} // namespace fiona::triggers
