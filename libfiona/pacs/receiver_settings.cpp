// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_settings.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>

namespace fiona::pacs {

namespace {

constexpr std::chrono::hours early_warning{24 * 30}; // before our certificate ends

} // namespace

ReceiverSettings::ReceiverSettings(Config read, const ReceiverOptions& options)
    : config{std::move(read)}, access{config.receiver}
{
    config.receiver.keep_rejected = options.keep_rejected.value_or(config.receiver.keep_rejected);
    if (config.receiver.tls) {
        tls.emplace(*config.receiver.tls);
    }
}

ReceiverSettings ReceiverSettings::read_again(const ReceiverSettings& now,
                                              const ReceiverOptions& options)
{
    ReceiverSettings fresh{Config::load(now.config.file, now.config.project), options};
    if (now.tls && !fresh.tls) {
        throw Error{Fault::config, "RECEIVER.tls is gone: restart the receiver for that"};
    }
    if (!now.tls && fresh.tls) {
        log::warn("restart_needed", {{"reason", "RECEIVER.tls is new"}});
        fresh.tls.reset();
    }
    fresh.config.paths = now.config.paths;
    return fresh;
}

std::uint16_t ReceiverSettings::port(const ReceiverOptions& options) const
{
    if (!options.port && config.receiver.port == 0 && !config.project.empty()) {
        throw Error{Fault::config, "config: SITES.{} has no DICOMPORT", config.project};
    }
    return options.port.value_or(config.receiver.port);
}

void ReceiverSettings::warn_of_certificate(TimePoint now) const
{
    if (tls && (now < tls->not_before() || now + early_warning > tls->not_after())) {
        log::warn("certificate_not_valid_for_long", {{"not_before", iso8601_utc(tls->not_before())},
                                                     {"not_after", iso8601_utc(tls->not_after())}});
    }
}

void prepare_directories(const Paths& paths)
{
    dev_t device = 0;
    for (const auto& directory : {paths.archive(), paths.incoming_parts(), paths.rejected(),
                                  paths.spool(), paths.status()}) {
        make_directories(directory);
        struct stat status {};
        if (::stat(directory.c_str(), &status) != 0) {
            throw os_error(errno, fmt::format("stat {}", directory.native()));
        }
        if (device != 0 && status.st_dev != device && directory != paths.status()) {
            throw Error{Fault::config, "{} is not on the file system of {}", directory.native(),
                        paths.archive().native()};
        }
        device = status.st_dev;
    }
}

} // namespace fiona::pacs
