// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/study_links.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

#include <filesystem>

namespace fiona::cleanup {

namespace {

namespace fs = std::filesystem;

/// Nothing if there is no such base: a site may do without.
std::optional<store::Folder> base(const fs::path& path, std::string_view what)
{
    std::error_code unreadable; // then Folder says so
    return fs::exists(path, unreadable) || unreadable
               ? std::optional<store::Folder>{store::Folder{path, what}}
               : std::nullopt;
}

} // namespace

std::optional<StudyUid> study_of_link(const std::string& target)
{
    const fs::path path{target};
    auto name = path.filename().native();
    return path.parent_path().filename() == "raw" && is_uid(name)
               ? std::optional{StudyUid{std::move(name)}}
               : std::nullopt;
}

StudyLinks::StudyLinks(const Paths& paths) : m_paths{paths} {}

void StudyLinks::read_participants()
{
    if (m_places) {
        return;
    }
    m_places.emplace();
    const auto participants = base(m_paths.participants(), "the participants");
    if (!participants) {
        return;
    }
    for (const auto& participant : participants->entries()) {
        try {
            read_participant(*participants, participant.name);
        } catch (const Error& e) { // links that stay lead nowhere, and harm nobody
            log::warn("participant_left_alone", {{"reason", e.what()}});
        }
    }
}

void StudyLinks::read_participant(const store::Folder& participants, const std::string& name)
{
    const auto folder = participants.descend(name);
    for (const auto& entry : folder ? folder->entries() : std::vector<store::Folder::Entry>{}) {
        if (entry.kind != store::Folder::Kind::link) {
            continue;
        }
        if (auto study = study_of_link(folder->target(entry.name))) {
            m_places->emplace(std::move(*study), Place{name, entry.name});
        }
    }
}

std::size_t StudyLinks::count(const StudyUid& study)
{
    read_participants();
    auto links = m_places->count(study);
    const auto reports = base(m_paths.srs(), "the structured reports");
    for (const auto& vendor : reports ? reports->entries() : std::vector<store::Folder::Entry>{}) {
        const auto folder = reports->descend(vendor.name);
        links += folder ? store::measure_tree(*folder, study.str()).files : 0;
    }
    return links;
}

std::size_t StudyLinks::remove(const StudyUid& study)
{
    read_participants();
    std::size_t links = 0;
    const auto [first, last] = m_places->equal_range(study);
    if (first != last) {
        const auto participants = base(m_paths.participants(), "the participants");
        for (auto place = first; participants && place != last; ++place) {
            const auto folder = participants->descend(place->second.directory);
            // Looked at again: a name may have got another study since.
            if (folder && study_of_link(folder->target(place->second.name)) == study) {
                links += folder->unlink(place->second.name) ? 1U : 0U;
                participants->remove_directory(place->second.directory);
            }
        }
        m_places->erase(first, last);
    }
    const auto reports = base(m_paths.srs(), "the structured reports");
    for (const auto& vendor : reports ? reports->entries() : std::vector<store::Folder::Entry>{}) {
        const auto folder = reports->descend(vendor.name);
        if (folder && folder->look(study.str())) {
            links += store::remove_tree(*folder, study.str()).files;
            reports->remove_directory(vendor.name);
        }
    }
    return links;
}

} // namespace fiona::cleanup
