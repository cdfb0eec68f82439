// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/mode.h"

#include <filesystem>
#include <string>
#include <vector>

/// Whether what lies in a site fits together: the links of the sorted tree, the JSON of its series, the
/// requests.
namespace fiona::site {

struct Damage {
    enum class Kind {
        dangling_link,   ///< its object has left the archive, or cannot be looked at
        stray_link,      ///< it leads out of the site
        missing_json,    ///< a series without its description
        broken_json,     ///< it cannot be parsed
        broken_request,  ///< nobody can work on it
        waiting_request, ///< its study is not here any more
        remains,         ///< a hidden part file of a program that died
    } kind = Kind::dangling_link;
    std::filesystem::path path;
    std::string remedy; ///< what to do, for people; what `repair` does if it can
    bool is_mended = false;
};
[[nodiscard]] std::string_view name_of(Damage::Kind kind);

struct Integrity {
    std::size_t studies = 0, series = 0, links = 0, requests = 0;
    std::vector<Damage> damage;
};

/// Looks, and with Mode::apply removes remains older than a day and sets broken requests aside into
/// transfers_fail/. Everything else has its remedy in other tools: a link dangles also while the
/// archive's disk is away, which fiona-clear-stale-links knows to tell.
[[nodiscard]] Integrity check_integrity(const Paths& paths, TimePoint now, Mode mode);

} // namespace fiona::site
