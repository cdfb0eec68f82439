// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/study_removal.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

namespace fiona::cleanup {

namespace {

/// The study of a name in a trash; nothing if it is none of ours.
std::optional<StudyUid> study_in(const std::string& trash_name)
{
    const auto dot = trash_name.rfind('.');
    auto text = trash_name.substr(0, dot);
    return dot != std::string::npos && is_uid(text) ? std::optional{StudyUid{std::move(text)}}
                                                    : std::nullopt;
}

std::string trash_name(const StudyUid& study)
{
    return fmt::format("{}.{}", study, ::getpid());
}

std::string archive_name(const StudyUid& study)
{
    return "scp_" + study.str();
}

/// Nothing if it does not exist yet.
std::optional<store::Folder> trash_of(const store::Folder& base)
{
    return base.descend(trash_folder);
}

} // namespace

StudyRemoval::StudyRemoval(const Paths& paths) : m_paths{paths}, m_links{paths} {}

/// Links of `name` in the trash that lead to an object go back to raw/<study>, with their series JSON.
void StudyRemoval::rescue_living_links(const store::Folder& trash, const std::string& name,
                                       const StudyUid& study) const
{
    const auto old = trash.descend(name);
    if (!old) {
        return;
    }
    const store::Folder raw{m_paths.raw(), "the sorted studies"};
    for (const auto& series : old->entries()) {
        const auto links = old->descend(series.name);
        for (const auto& link : links ? links->entries() : std::vector<store::Folder::Entry>{}) {
            if (link.kind != store::Folder::Kind::link
                || links->end_of(link.name) != store::Folder::End::there) {
                continue;
            }
            const auto home = raw.descend_or_make(study.str());
            const auto json = series.name + ".json"; // where one is there it is the younger
            static_cast<void>(old->move(json, home, json));
            static_cast<void>(links->move(link.name, home.descend_or_make(series.name), link.name));
        }
    }
}

/// The study leaves raw/ and the links to it go, unless it was received again: then its links live.
std::size_t StudyRemoval::unlink_study(const StudyUid& study, const std::string& trash_name)
{
    const store::Folder archive{m_paths.archive(), "the archive"};
    if (archive.look(archive_name(study))) {
        return 0;
    }
    const store::Folder raw{m_paths.raw(), "the sorted studies"};
    const auto trash = raw.descend_or_make(trash_folder);
    static_cast<void>(raw.move(study.str(), trash, trash_name)); // done before, or never sorted
    return m_links.remove(study);
}

store::Amount StudyRemoval::empty_trash(const StudyUid& study, const std::string& trash_name) const
{
    store::Amount amount;
    const store::Folder raw{m_paths.raw(), "the sorted studies"};
    if (const auto trash = trash_of(raw)) {
        rescue_living_links(*trash, trash_name, study);
        amount += store::remove_tree(*trash, trash_name);
    }
    // Last: as long as it is there, the next run comes here again.
    const store::Folder archive{m_paths.archive(), "the archive"};
    if (const auto trash = trash_of(archive)) {
        amount += store::remove_tree(*trash, trash_name);
    }
    return amount;
}

StudyRemoval::Finished StudyRemoval::finish_leftovers()
{
    Finished finished;
    for (const auto& path : {m_paths.archive(), m_paths.raw()}) {
        const store::Folder base{path, "the studies"};
        const auto trash = trash_of(base);
        for (const auto& entry : trash ? trash->entries() : std::vector<store::Folder::Entry>{}) {
            const auto study = study_in(entry.name);
            if (!study || entry.kind != store::Folder::Kind::directory) {
                continue; // not ours
            }
            try {
                unlink_study(*study, entry.name);
                finished.amount += empty_trash(*study, entry.name);
                finished.studies.insert(*study);
            } catch (const Error& e) {
                ++finished.failed;
                finished.trouble = e;
                log::error("removal_not_finished", {{"study", *study}, {"reason", e.what()}});
            }
        }
    }
    return finished;
}

StudyRemoval::Taken
StudyRemoval::take(const StudyUid& study,
                   const std::function<bool(const store::Folder&)>& last_look) const
{
    const store::Folder archive{m_paths.archive(), "the archive"};
    const auto trash = archive.descend_or_make(trash_folder);
    const auto folder = archive.descend(archive_name(study)); // locked until it is closed
    if (!folder) {
        return Taken::busy;
    }
    if (::flock(folder->fd(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return Taken::busy;
        }
        throw os_error(errno, "lock a study");
    }
    if (!last_look(*folder)) {
        return Taken::kept;
    }
    if (!archive.move(archive_name(study), trash, trash_name(study))) {
        throw Error{Fault::temporary, "it could not be moved to the trash"};
    }
    return Taken::yes;
}

std::size_t StudyRemoval::finish(const StudyUid& study)
{
    const auto links = unlink_study(study, trash_name(study));
    empty_trash(study, trash_name(study));
    return links;
}

} // namespace fiona::cleanup
