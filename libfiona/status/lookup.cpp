// SPDX-License-Identifier: MIT
#include "libfiona/status/lookup.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/routing/studies.h"
#include "libfiona/status/request_queue.h"
#include "libfiona/store/study_tree.h"

#include <algorithm>
#include <set>

namespace fiona::status {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t tag_digits = 12;
constexpr std::string_view archive_prefix = "scp_";

/// "#0123456789ab" for a tag with or without its `#` (which begins a comment in a shell).
std::string as_tag(std::string_view text)
{
    if (text.starts_with('#')) {
        text.remove_prefix(1);
    }
    const auto digits = lower_case(text);
    const bool is_tag = digits.size() == tag_digits
                        && digits.find_first_not_of("0123456789abcdef") == std::string::npos;
    return is_tag ? "#" + digits : "";
}

} // namespace

std::vector<StudyUid> known_studies(const Paths& paths)
{
    std::set<StudyUid> found;
    for (const auto& name : visible_names(paths.archive())) {
        if (name.starts_with(archive_prefix) && is_uid(name.substr(archive_prefix.size()))) {
            found.emplace(name.substr(archive_prefix.size()));
        }
    }
    if (fs::is_directory(paths.raw())) {
        for (const auto& study : store::StudyTree{paths}.studies()) {
            found.insert(study);
        }
    }
    return {found.begin(), found.end()};
}

StudyUid find_study(const Paths& paths, const Private<std::string>& text)
{
    const auto wanted = std::string{trimmed(text.reveal())};
    const auto known = known_studies(paths);
    // A number of twelve digits may be all three; what is here decides.
    if (is_uid(wanted) && std::ranges::find(known, StudyUid{wanted}) != known.end()) {
        return StudyUid{wanted};
    }
    if (const auto tag = as_tag(wanted); !tag.empty()) {
        const auto found = std::ranges::find_if(
            known, [&](const StudyUid& study) { return log::uid_tag(study.str()) == tag; });
        if (found != known.end()) {
            return *found;
        }
        // A request outlives its study; fiona-status queue list shows its tag.
        for (const auto& request : queued_requests(paths)) {
            const auto study = request.name.substr(0, request.name.find('_'));
            if (is_uid(study) && log::uid_tag(study) == tag) {
                return StudyUid{study};
            }
        }
    }
    const store::StudyTree tree{paths};
    const auto by_accession = wanted.empty() || !fs::is_directory(paths.raw())
                                  ? std::vector<StudyUid>{}
                                  : routing::studies_with_accession(tree, Private{wanted});
    if (by_accession.size() == 1) {
        return by_accession.front();
    }
    if (by_accession.size() > 1) {
        return routing::study_with_accession(tree, Private{wanted}); // throws, naming them
    }
    if (is_uid(wanted) && wanted.find('.') != std::string::npos) {
        return StudyUid{wanted};
    }
    throw Error{Fault::missing, "no study here has this UID, tag or accession number"};
}

} // namespace fiona::status
