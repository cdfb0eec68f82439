// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/store/folder.h"
#include "libfiona/wsi/folder_files.h"
#include "libfiona/wsi/upload.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::wsi {

/// One JSON in uploads/, and for ever the same one: a JSON that is filed anew under the name is another.
struct Ticket {
    std::vector<std::string> path; ///< below uploads/, part by part. May identify: never logged
    std::string id;                ///< 16 hex digits of path, inode, time and content
    std::string text;              ///< what the JSON holds
    TimePoint modified;
    std::string damage{}; ///< why it cannot even be read; "" if it was
};

/// The uploads of the Attach page, `<applications>/Attach`. The page, or fiona-process-tiff attach, puts
/// the image first and N.json last; both may lie in folders below uploads/.
///
/// uploads/N.json  image  uploads_done/N.json  uploads_failed/N.json
///       -           +             -                     -            being uploaded; nobody looks at it
///       +           -             -                     -            the image has still to come
///       +           +             -                     -            waiting, being worked on (then its worker
///                                                                    holds the claim), or waiting for another
///                                                                    try (`<state>/slides/<id>.json`)
///       +           +             +                     -            delivered and reported, killed before the
///                                                                    image was removed: the state says
///                                                                    `finished`, and the next run removes both
///       +           -             +                     -            likewise, killed before N.json was removed
///       -           -             +                     -            done
///       -           +             -                     +            given up; the reason in N.error.txt, which
///                                                                    is written first. A person mends it and
///                                                                    moves N.json back to uploads/
///
/// `uploads/N.status.json` tells the page how far it is; only a courtesy. The original image is removed after
/// everything else is durable, and nothing is ever moved by its content.
class UploadFolder {
public:
    explicit UploadFolder(const Paths& paths);

    /// Whether the site has uploads at all.
    [[nodiscard]] bool is_used() const;
    /// Makes the three folders.
    void make() const;
    [[nodiscard]] const std::filesystem::path& attach() const { return m_attach; }

    /// Every JSON in uploads/, oldest first; links, hidden names and mount points are passed by.
    [[nodiscard]] std::vector<Ticket> tickets() const;
    [[nodiscard]] std::vector<Ticket> failed() const;
    /// The ticket of a JSON that is named by its path; nothing if it is none of uploads/.
    [[nodiscard]] std::optional<Ticket> find(const std::filesystem::path& json) const;
    /// Whether it is still the same one.
    [[nodiscard]] bool is_there(const Ticket& ticket) const;

    /// The image, open; an empty descriptor if it has not come yet. Throws Error{Fault::data} if a part of
    /// its path is a link, or it is no file.
    [[nodiscard]] UniqueFd open_image(const Upload& upload) const;
    /// Unless another one has taken its place.
    void remove_image(const Upload& upload, const FileIdentity& identity) const;

    void tell(const Ticket& ticket, const json::Object& status) const;
    /// The name in uploads_done/ that is free for it, or holds `text` already.
    [[nodiscard]] std::string name_of_done(const Ticket& ticket) const;
    void write_done(const Ticket& ticket, const std::string& name, std::string_view text) const;
    /// Removes the JSON, if it is still the same one.
    void remove(const Ticket& ticket) const;
    void fail(const Ticket& ticket, std::string_view reason) const;
    /// What fail() was told of a ticket of failed(); "" if nothing is left of it.
    [[nodiscard]] std::string reason_of(const Ticket& failed) const;
    /// Removes what tell() wrote of JSONs that have been gone for a week.
    void sweep(TimePoint now) const;

private:
    [[nodiscard]] std::optional<store::Folder>
    folder_of(const std::vector<std::string>& path) const;

    std::filesystem::path m_attach;
};

} // namespace fiona::wsi
