// nginx's own directives with their modules, contexts and numbers of arguments, so that a directive
// which has no row here is told apart from a misspelt one. Data of nginx 1.31 with the modules that
// its documentation lists, dynamic and commercial ones included; those of `mail` are left out, since
// the content of a block without a row is not looked at.

import type { ForeignDirective, ForeignDirectives } from '../config/directive-index.ts';

// What to do instead, where more can be said than "remove it".
const hints: Readonly<Record<string, string>> = {
  fastcgi_pass: 'FastCGI is not implemented: put an HTTP server before the application',
  load_module: 'modules of nginx cannot be loaded: remove the line, and what needs the module',
  mail: 'proxying mail is not implemented: leave this block to nginx',
  memcached_pass: 'memcached is not implemented: put an HTTP server before it',
  perl: 'Perl cannot be run: remove it',
  scgi_pass: 'SCGI is not implemented: put an HTTP server before the application',
  ssl: 'nginx has removed it as well: write "listen … ssl" instead',
  ssl_engine: 'OpenSSL engines cannot be used: give the key as a file',
  stream: 'proxying TCP and UDP is not implemented: leave this block to nginx',
  uwsgi_pass: 'the uwsgi protocol is not implemented: let the application speak HTTP',
};

// [module], then: name | contexts | arguments
const table = `
[core functionality]
daemon | main | 1
master_process | main | 1
timer_resolution | main | 1
pid | main | 1
lock_file | main | 1
worker_processes | main | 1
debug_points | main | 1
user | main | 1-2
worker_priority | main | 1
worker_cpu_affinity | main | 1+
worker_rlimit_nofile | main | 1
worker_rlimit_core | main | 1
worker_shutdown_timeout | main | 1
working_directory | main | 1
env | main | 1
load_module | main | 1
error_log | main | 1+
pcre_jit | main | 1
thread_pool | main | 2-3
epoll_events | events | 1
worker_aio_requests | events | 1
events | main | block 0
worker_connections | events | 1
use | events | 1
multi_accept | events | 1
accept_mutex | events | 1
accept_mutex_delay | events | 1
debug_connection | events | 1
ssl_engine | main | 1
ssl_object_cache_inheritable | main | 1
[ngx_http_access_module]
allow | http,server,location,limit_except | 1
deny | http,server,location,limit_except | 1
[ngx_http_addition_module]
add_before_body | http,server,location | 1
add_after_body | http,server,location | 1
addition_types | http,server,location | 1+
[ngx_http_auth_basic_module]
auth_basic | http,server,location,limit_except | 1
auth_basic_user_file | http,server,location,limit_except | 1
[ngx_http_auth_request_module]
auth_request | http,server,location | 1
auth_request_set | http,server,location | 2
[ngx_http_autoindex_module]
autoindex | http,server,location | 1
autoindex_format | http,server,location | 1
autoindex_localtime | http,server,location | 1
autoindex_exact_size | http,server,location | 1
[ngx_http_charset_module]
charset | http,server,location,if-in-location | 1
source_charset | http,server,location,if-in-location | 1
override_charset | http,server,location,if-in-location | 1
charset_types | http,server,location | 1+
charset_map | http | block 2
[ngx_http_empty_gif_module]
empty_gif | location | 0
[ngx_http_geo_module]
geo | http | block 1-2
[ngx_http_grpc_module]
grpc_pass | location,if-in-location | 1
grpc_bind | http,server,location | 1-2
grpc_socket_keepalive | http,server,location | 1
grpc_socket_rcvbuf | http,server,location | 1
grpc_socket_sndbuf | http,server,location | 1
grpc_connect_timeout | http,server,location | 1
grpc_send_timeout | http,server,location | 1
grpc_intercept_errors | http,server,location | 1
grpc_buffer_size | http,server,location | 1
grpc_read_timeout | http,server,location | 1
grpc_next_upstream | http,server,location | 1+
grpc_next_upstream_tries | http,server,location | 1
grpc_next_upstream_timeout | http,server,location | 1
grpc_set_header | http,server,location | 2
grpc_pass_header | http,server,location | 1
grpc_hide_header | http,server,location | 1
grpc_ignore_headers | http,server,location | 1+
grpc_ssl_session_reuse | http,server,location | 1
grpc_ssl_protocols | http,server,location | 1+
grpc_ssl_ciphers | http,server,location | 1
grpc_ssl_name | http,server,location | 1
grpc_ssl_server_name | http,server,location | 1
grpc_ssl_verify | http,server,location | 1
grpc_ssl_verify_depth | http,server,location | 1
grpc_ssl_trusted_certificate | http,server,location | 1
grpc_ssl_crl | http,server,location | 1
grpc_ssl_certificate | http,server,location | 1
grpc_ssl_certificate_key | http,server,location | 1
grpc_ssl_certificate_cache | http,server,location | 1-3
grpc_ssl_password_file | http,server,location | 1
grpc_ssl_conf_command | http,server,location | 2
[ngx_http_gunzip_module]
gunzip | http,server,location | 1
gunzip_buffers | http,server,location | 2
[ngx_http_gzip_module]
gzip | http,server,location,if-in-location | 1
gzip_buffers | http,server,location | 2
gzip_types | http,server,location | 1+
gzip_comp_level | http,server,location | 1
gzip_window | http,server,location | 1
gzip_hash | http,server,location | 1
postpone_gzipping | http,server,location | 1
gzip_no_buffer | http,server,location | 1
gzip_min_length | http,server,location | 1
[ngx_http_gzip_static_module]
gzip_static | http,server,location | 1
[ngx_http_headers_module]
expires | http,server,location,if-in-location | 1-2
add_header | http,server,location,if-in-location | 2-3
add_trailer | http,server,location,if-in-location | 2-3
add_header_inherit | http,server,location,if-in-location | 1
add_trailer_inherit | http,server,location,if-in-location | 1
[ngx_http_index_module]
index | http,server,location | 1+
[ngx_http_limit_conn_module]
limit_conn_zone | http | 2
limit_conn | http,server,location | 2
limit_conn_log_level | http,server,location | 1
limit_conn_status | http,server,location | 1
limit_conn_dry_run | http,server,location | 1
[ngx_http_limit_req_module]
limit_req_zone | http | 3
limit_req | http,server,location | 1-3
limit_req_log_level | http,server,location | 1
limit_req_status | http,server,location | 1
limit_req_dry_run | http,server,location | 1
[ngx_http_log_module]
log_format | http | 2+
access_log | http,server,location,if-in-location,limit_except | 1+
open_log_file_cache | http,server,location | 1-4
[ngx_http_map_module]
map | http | block 2
map_hash_max_size | http | 1
map_hash_bucket_size | http | 1
[ngx_http_mirror_module]
mirror | http,server,location | 1
mirror_request_body | http,server,location | 1
[ngx_http_proxy_module]
proxy_pass | location,if-in-location,limit_except | 1
proxy_redirect | http,server,location | 1-2
proxy_cookie_domain | http,server,location | 1-2
proxy_cookie_path | http,server,location | 1-2
proxy_cookie_flags | http,server,location | 1-4
proxy_store | http,server,location | 1
proxy_store_access | http,server,location | 1-3
proxy_buffering | http,server,location | 1
proxy_request_buffering | http,server,location | 1
proxy_ignore_client_abort | http,server,location | 1
proxy_bind | http,server,location | 1-2
proxy_socket_keepalive | http,server,location | 1
proxy_socket_rcvbuf | http,server,location | 1
proxy_socket_sndbuf | http,server,location | 1
proxy_connect_timeout | http,server,location | 1
proxy_send_timeout | http,server,location | 1
proxy_send_lowat | http,server,location | 1
proxy_intercept_errors | http,server,location | 1
proxy_set_header | http,server,location | 2
proxy_headers_hash_max_size | http,server,location | 1
proxy_headers_hash_bucket_size | http,server,location | 1
proxy_set_body | http,server,location | 1
proxy_method | http,server,location | 1
proxy_pass_request_headers | http,server,location | 1
proxy_pass_request_body | http,server,location | 1
proxy_pass_trailers | http,server,location | 1
proxy_buffer_size | http,server,location | 1
proxy_read_timeout | http,server,location | 1
proxy_buffers | http,server,location | 2
proxy_busy_buffers_size | http,server,location | 1
proxy_force_ranges | http,server,location | 1
proxy_limit_rate | http,server,location | 1
proxy_cache | http,server,location | 1
proxy_cache_key | http,server,location | 1
proxy_cache_path | http | 2+
proxy_cache_bypass | http,server,location | 1+
proxy_no_cache | http,server,location | 1+
proxy_cache_valid | http,server,location | 1+
proxy_cache_min_uses | http,server,location | 1
proxy_cache_max_range_offset | http,server,location | 1
proxy_cache_use_stale | http,server,location | 1+
proxy_cache_methods | http,server,location | 1+
proxy_cache_lock | http,server,location | 1
proxy_cache_lock_timeout | http,server,location | 1
proxy_cache_lock_age | http,server,location | 1
proxy_cache_revalidate | http,server,location | 1
proxy_cache_convert_head | http,server,location | 1
proxy_cache_background_update | http,server,location | 1
proxy_temp_path | http,server,location | 1-4
proxy_max_temp_file_size | http,server,location | 1
proxy_temp_file_write_size | http,server,location | 1
proxy_next_upstream | http,server,location | 1+
proxy_next_upstream_tries | http,server,location | 1
proxy_next_upstream_timeout | http,server,location | 1
proxy_pass_header | http,server,location | 1
proxy_hide_header | http,server,location | 1
proxy_ignore_headers | http,server,location | 1+
proxy_http_version | http,server,location | 1
proxy_ssl_session_reuse | http,server,location | 1
proxy_ssl_protocols | http,server,location | 1+
proxy_ssl_ciphers | http,server,location | 1
proxy_ssl_name | http,server,location | 1
proxy_ssl_server_name | http,server,location | 1
proxy_ssl_verify | http,server,location | 1
proxy_ssl_verify_depth | http,server,location | 1
proxy_ssl_trusted_certificate | http,server,location | 1
proxy_ssl_crl | http,server,location | 1
proxy_ssl_certificate | http,server,location | 1
proxy_ssl_certificate_key | http,server,location | 1
proxy_ssl_certificate_cache | http,server,location | 1-3
proxy_ssl_password_file | http,server,location | 1
proxy_ssl_conf_command | http,server,location | 2
proxy_cache_purge | http,server,location | 1+
[ngx_http_random_index_module]
random_index | location | 1
[ngx_http_realip_module]
set_real_ip_from | http,server,location | 1
real_ip_header | http,server,location | 1
real_ip_recursive | http,server,location | 1
[ngx_http_referer_module]
valid_referers | server,location | 1+
referer_hash_max_size | server,location | 1
referer_hash_bucket_size | server,location | 1
[ngx_http_rewrite_module]
rewrite | server,if-in-server,location,if-in-location | 2-3
return | server,if-in-server,location,if-in-location | 1-2
break | server,if-in-server,location,if-in-location | 0
if | server,location | block 1+
set | server,if-in-server,location,if-in-location | 2
rewrite_log | http,server,if-in-server,location,if-in-location | 1
uninitialized_variable_warn | http,server,if-in-server,location,if-in-location | 1
[ngx_http_secure_link_module]
secure_link | http,server,location | 1
secure_link_md5 | http,server,location | 1
secure_link_secret | http,server,location | 1
[ngx_http_slice_module]
slice | http,server,location | 1
[ngx_http_split_clients_module]
split_clients | http | block 2
[ngx_http_ssl_module]
ssl_certificate | http,server | 1
ssl_certificate_key | http,server | 1
ssl_certificate_cache | http,server | 1-3
ssl_ech_file | http,server | 1
ssl_password_file | http,server | 1
ssl_certificate_compression | http,server | 1
ssl_dhparam | http,server | 1
ssl_ecdh_curve | http,server | 1
ssl_protocols | http,server | 1+
ssl_ciphers | http,server | 1
ssl_buffer_size | http,server | 1
ssl_verify_client | http,server | 1
ssl_verify_depth | http,server | 1
ssl_client_certificate | http,server | 1
ssl_trusted_certificate | http,server | 1
ssl_prefer_server_ciphers | http,server | 1
ssl_session_cache | http,server | 1-2
ssl_session_tickets | http,server | 1
ssl_session_ticket_key | http,server | 1
ssl_session_timeout | http,server | 1
ssl_crl | http,server | 1
ssl_ocsp | http,server | 1
ssl_ocsp_responder | http,server | 1
ssl_ocsp_cache | http,server | 1
ssl_stapling | http,server | 1
ssl_stapling_file | http,server | 1
ssl_stapling_responder | http,server | 1
ssl_stapling_verify | http,server | 1
ssl_early_data | http,server | 1
ssl_conf_command | http,server | 2
ssl_reject_handshake | http,server | 1
ssl | http,server | 1
[ngx_http_stub_status_module]
stub_status | server,location | 0-1
[ngx_http_sub_module]
sub_filter | http,server,location | 2
sub_filter_types | http,server,location | 1+
sub_filter_once | http,server,location | 1
sub_filter_last_modified | http,server,location | 1
[ngx_http_core_module]
try_files | server,location | 2+
http | main | block 0
output_buffers | http,server,location | 2
variables_hash_max_size | http | 1
variables_hash_bucket_size | http | 1
server_names_hash_max_size | http | 1
server_names_hash_bucket_size | http | 1
server | http | block 0
connection_pool_size | http,server | 1
request_pool_size | http,server | 1
client_header_timeout | http,server | 1
client_header_buffer_size | http,server | 1
large_client_header_buffers | http,server | 2
max_headers | http,server | 1
ignore_invalid_headers | http,server | 1
merge_slashes | http,server | 1
underscores_in_headers | http,server | 1
location | server,location | block 1-2
listen | server | 1+
server_name | server | 1+
types_hash_max_size | http,server,location | 1
types_hash_bucket_size | http,server,location | 1
types | http,server,location | block 0
default_type | http,server,location | 1
root | http,server,location,if-in-location | 1
alias | location | 1
limit_except | location | block 1+
client_max_body_size | http,server,location | 1
client_body_buffer_size | http,server,location | 1
client_body_timeout | http,server,location | 1
client_body_temp_path | http,server,location | 1-4
client_body_in_file_only | http,server,location | 1
client_body_in_single_buffer | http,server,location | 1
client_body_early_read | http,server | 1+
sendfile | http,server,location,if-in-location | 1
sendfile_max_chunk | http,server,location | 1
subrequest_output_buffer_size | http,server,location | 1
aio | http,server,location | 1
aio_write | http,server,location | 1
read_ahead | http,server,location | 1
directio | http,server,location | 1
directio_alignment | http,server,location | 1
tcp_nopush | http,server,location | 1
tcp_nodelay | http,server,location | 1
send_timeout | http,server,location | 1
send_lowat | http,server,location | 1
postpone_output | http,server,location | 1
limit_rate | http,server,location,if-in-location | 1
limit_rate_after | http,server,location,if-in-location | 1
keepalive_time | http,server,location | 1
keepalive_timeout | http,server,location | 1-2
keepalive_min_timeout | http,server,location | 1
keepalive_requests | http,server,location | 1
keepalive_disable | http,server,location | 1-2
satisfy | http,server,location | 1
auth_delay | http,server,location | 1
internal | location | 0
lingering_close | http,server,location | 1
lingering_time | http,server,location | 1
lingering_timeout | http,server,location | 1
reset_timedout_connection | http,server,location | 1
absolute_redirect | http,server,location | 1
server_name_in_redirect | http,server,location | 1
port_in_redirect | http,server,location | 1
msie_padding | http,server,location | 1
msie_refresh | http,server,location | 1
log_not_found | http,server,location | 1
log_subrequest | http,server,location | 1
recursive_error_pages | http,server,location | 1
server_tokens | http,server,location | 1
if_modified_since | http,server,location | 1
max_ranges | http,server,location | 1
chunked_transfer_encoding | http,server,location | 1
etag | http,server,location | 1
early_hints | http,server,location | 1+
error_page | http,server,location,if-in-location | 2+
post_action | http,server,location,if-in-location | 1
error_log | http,server,location | 1+
open_file_cache | http,server,location | 1-2
open_file_cache_valid | http,server,location | 1
open_file_cache_min_uses | http,server,location | 1
open_file_cache_errors | http,server,location | 1
open_file_cache_events | http,server,location | 1
resolver | http,server,location | 1+
resolver_timeout | http,server,location | 1
gzip_vary | http,server,location | 1
gzip_http_version | http,server,location | 1
gzip_proxied | http,server,location | 1+
gzip_disable | http,server,location | 1+
disable_symlinks | http,server,location | 1-2
[ngx_http_tunnel_module]
tunnel_pass | server,location,if-in-location | 0-1
tunnel_bind | http,server,location | 1-2
tunnel_socket_keepalive | http,server,location | 1
tunnel_socket_rcvbuf | http,server,location | 1
tunnel_socket_sndbuf | http,server,location | 1
tunnel_connect_timeout | http,server,location | 1
tunnel_send_timeout | http,server,location | 1
tunnel_send_lowat | http,server,location | 1
tunnel_buffer_size | http,server,location | 1
tunnel_read_timeout | http,server,location | 1
tunnel_next_upstream | http,server,location | 1+
tunnel_next_upstream_tries | http,server,location | 1
tunnel_next_upstream_timeout | http,server,location | 1
[ngx_http_upstream_module]
hash | upstream | 1-2
ip_hash | upstream | 0
keepalive | upstream | 1-2
keepalive_time | upstream | 1
keepalive_timeout | upstream | 1
keepalive_requests | upstream | 1
least_conn | upstream | 0
least_time | upstream | 1-2
random | upstream | 0-2
sticky | upstream | 2+
zone | upstream | 1-2
upstream | http | block 1
server | upstream | 1+
resolver | upstream | 1+
resolver_timeout | upstream | 1
queue | upstream | 1-2
state | upstream | 1
ntlm | upstream | 0
[ngx_http_userid_module]
userid | http,server,location | 1
userid_service | http,server,location | 1
userid_name | http,server,location | 1
userid_domain | http,server,location | 1
userid_path | http,server,location | 1
userid_expires | http,server,location | 1
userid_flags | http,server,location | 1-3
userid_p3p | http,server,location | 1
userid_mark | http,server,location | 1
[ngx_http_v2_module]
http2 | http,server | 1
http2_recv_buffer_size | http | 1
http2_pool_size | http,server | 1
http2_max_concurrent_streams | http,server | 1
http2_max_concurrent_pushes | http,server | 1
http2_max_requests | http,server | 1
http2_max_field_size | http,server | 1
http2_max_header_size | http,server | 1
http2_body_preread_size | http,server | 1
http2_streams_index_size | http,server | 1
http2_recv_timeout | http,server | 1
http2_idle_timeout | http,server | 1
http2_chunk_size | http,server,location | 1
http2_push_preload | http,server,location | 1
http2_push | http,server,location | 1
[ngx_stream_core_module]
stream | main | block 0
variables_hash_max_size | stream | 1
variables_hash_bucket_size | stream | 1
server_names_hash_max_size | stream | 1
server_names_hash_bucket_size | stream | 1
server | stream | block 0
listen | stream-server | 1+
server_name | stream-server | 1+
error_log | stream,stream-server | 1+
resolver | stream,stream-server | 1+
resolver_timeout | stream,stream-server | 1
proxy_protocol_timeout | stream,stream-server | 1
tcp_nodelay | stream,stream-server | 1
preread_buffer_size | stream,stream-server | 1
preread_timeout | stream,stream-server | 1
[ngx_stream_access_module]
allow | stream,stream-server | 1
deny | stream,stream-server | 1
[ngx_stream_geo_module]
geo | stream | block 1-2
[ngx_stream_limit_conn_module]
limit_conn_zone | stream | 2
limit_conn | stream,stream-server | 2
limit_conn_log_level | stream,stream-server | 1
limit_conn_dry_run | stream,stream-server | 1
[ngx_stream_log_module]
log_format | stream | 2+
access_log | stream,stream-server | 1+
open_log_file_cache | stream,stream-server | 1-4
[ngx_stream_map_module]
map | stream | block 2
map_hash_max_size | stream | 1
map_hash_bucket_size | stream | 1
[ngx_stream_pass_module]
pass | stream-server | 1
[ngx_stream_proxy_module]
proxy_pass | stream-server | 1
proxy_bind | stream,stream-server | 1-2
proxy_socket_keepalive | stream,stream-server | 1
proxy_socket_rcvbuf | stream,stream-server | 1
proxy_socket_sndbuf | stream,stream-server | 1
proxy_connect_timeout | stream,stream-server | 1
proxy_timeout | stream,stream-server | 1
proxy_buffer_size | stream,stream-server | 1
proxy_downstream_buffer | stream,stream-server | 1
proxy_upstream_buffer | stream,stream-server | 1
proxy_upload_rate | stream,stream-server | 1
proxy_download_rate | stream,stream-server | 1
proxy_requests | stream,stream-server | 1
proxy_responses | stream,stream-server | 1
proxy_next_upstream | stream,stream-server | 1
proxy_next_upstream_tries | stream,stream-server | 1
proxy_next_upstream_timeout | stream,stream-server | 1
proxy_protocol | stream,stream-server | 1
proxy_half_close | stream,stream-server | 1
proxy_ssl | stream,stream-server | 1
proxy_ssl_session_reuse | stream,stream-server | 1
proxy_ssl_protocols | stream,stream-server | 1+
proxy_ssl_ciphers | stream,stream-server | 1
proxy_ssl_name | stream,stream-server | 1
proxy_ssl_server_name | stream,stream-server | 1
proxy_ssl_alpn | stream,stream-server | 1+
proxy_ssl_verify | stream,stream-server | 1
proxy_ssl_verify_depth | stream,stream-server | 1
proxy_ssl_trusted_certificate | stream,stream-server | 1
proxy_ssl_crl | stream,stream-server | 1
proxy_ssl_certificate | stream,stream-server | 1
proxy_ssl_certificate_key | stream,stream-server | 1
proxy_ssl_certificate_cache | stream,stream-server | 1-3
proxy_ssl_password_file | stream,stream-server | 1
proxy_ssl_conf_command | stream,stream-server | 2
[ngx_stream_realip_module]
set_real_ip_from | stream,stream-server | 1
[ngx_stream_return_module]
return | stream-server | 1
[ngx_stream_set_module]
set | stream-server | 2
[ngx_stream_split_clients_module]
split_clients | stream | block 2
[ngx_stream_ssl_module]
ssl_handshake_timeout | stream,stream-server | 1
ssl_certificate | stream,stream-server | 1
ssl_certificate_key | stream,stream-server | 1
ssl_certificate_cache | stream,stream-server | 1-3
ssl_ech_file | stream,stream-server | 1
ssl_password_file | stream,stream-server | 1
ssl_certificate_compression | stream,stream-server | 1
ssl_dhparam | stream,stream-server | 1
ssl_ecdh_curve | stream,stream-server | 1
ssl_protocols | stream,stream-server | 1+
ssl_ciphers | stream,stream-server | 1
ssl_verify_client | stream,stream-server | 1
ssl_verify_depth | stream,stream-server | 1
ssl_client_certificate | stream,stream-server | 1
ssl_trusted_certificate | stream,stream-server | 1
ssl_prefer_server_ciphers | stream,stream-server | 1
ssl_session_cache | stream,stream-server | 1-2
ssl_session_tickets | stream,stream-server | 1
ssl_session_ticket_key | stream,stream-server | 1
ssl_session_timeout | stream,stream-server | 1
ssl_crl | stream,stream-server | 1
ssl_ocsp | stream,stream-server | 1
ssl_ocsp_responder | stream,stream-server | 1
ssl_ocsp_cache | stream,stream-server | 1
ssl_stapling | stream,stream-server | 1
ssl_stapling_file | stream,stream-server | 1
ssl_stapling_responder | stream,stream-server | 1
ssl_stapling_verify | stream,stream-server | 1
ssl_conf_command | stream,stream-server | 2
ssl_reject_handshake | stream,stream-server | 1
ssl_alpn | stream,stream-server | 1+
[ngx_stream_ssl_preread_module]
ssl_preread | stream,stream-server | 1
[ngx_stream_upstream_module]
upstream | stream | block 1
server | stream-upstream | 1+
resolver | stream-upstream | 1+
resolver_timeout | stream-upstream | 1
hash | stream-upstream | 1-2
least_conn | stream-upstream | 0
least_time | stream-upstream | 1-2
random | stream-upstream | 0-2
zone | stream-upstream | 1-2
[ngx_http_ssi_module]
ssi | http,server,location,if-in-location | 1
ssi_ignore_recycled_buffers | http,server,location | 1
ssi_last_modified | http,server,location | 1
ssi_min_file_chunk | http,server,location | 1
ssi_silent_errors | http,server,location | 1
ssi_types | http,server,location | 1+
ssi_value_length | http,server,location | 1
[ngx_http_browser_module]
ancient_browser | http,server,location | 1+
ancient_browser_value | http,server,location | 1
modern_browser | http,server,location | 1-2
modern_browser_value | http,server,location | 1
[ngx_http_dav_module]
create_full_put_path | http,server,location | 1
dav_access | http,server,location | 1-3
dav_methods | http,server,location | 1+
min_delete_depth | http,server,location | 1
[ngx_http_fastcgi_module]
fastcgi_bind | http,server,location | 1-2
fastcgi_buffer_size | http,server,location | 1
fastcgi_buffering | http,server,location | 1
fastcgi_buffers | http,server,location | 2
fastcgi_busy_buffers_size | http,server,location | 1
fastcgi_cache | http,server,location | 1
fastcgi_cache_background_update | http,server,location | 1
fastcgi_cache_bypass | http,server,location | 1+
fastcgi_cache_key | http,server,location | 1
fastcgi_cache_lock | http,server,location | 1
fastcgi_cache_lock_age | http,server,location | 1
fastcgi_cache_lock_timeout | http,server,location | 1
fastcgi_cache_max_range_offset | http,server,location | 1
fastcgi_cache_methods | http,server,location | 1+
fastcgi_cache_min_uses | http,server,location | 1
fastcgi_cache_path | http | 2+
fastcgi_cache_revalidate | http,server,location | 1
fastcgi_cache_use_stale | http,server,location | 1+
fastcgi_cache_valid | http,server,location | 1+
fastcgi_catch_stderr | http,server,location | 1
fastcgi_connect_timeout | http,server,location | 1
fastcgi_force_ranges | http,server,location | 1
fastcgi_hide_header | http,server,location | 1
fastcgi_ignore_client_abort | http,server,location | 1
fastcgi_ignore_headers | http,server,location | 1+
fastcgi_index | http,server,location | 1
fastcgi_intercept_errors | http,server,location | 1
fastcgi_keep_conn | http,server,location | 1
fastcgi_limit_rate | http,server,location | 1
fastcgi_max_temp_file_size | http,server,location | 1
fastcgi_next_upstream | http,server,location | 1+
fastcgi_next_upstream_timeout | http,server,location | 1
fastcgi_next_upstream_tries | http,server,location | 1
fastcgi_no_cache | http,server,location | 1+
fastcgi_param | http,server,location | 2-3
fastcgi_pass | location,if-in-location | 1
fastcgi_pass_header | http,server,location | 1
fastcgi_pass_request_body | http,server,location | 1
fastcgi_pass_request_headers | http,server,location | 1
fastcgi_read_timeout | http,server,location | 1
fastcgi_request_buffering | http,server,location | 1
fastcgi_send_lowat | http,server,location | 1
fastcgi_send_timeout | http,server,location | 1
fastcgi_socket_keepalive | http,server,location | 1
fastcgi_split_path_info | http,server,location | 1
fastcgi_store | http,server,location | 1
fastcgi_store_access | http,server,location | 1-3
fastcgi_temp_file_write_size | http,server,location | 1
fastcgi_temp_path | http,server,location | 1-4
[ngx_http_flv_module]
flv | location | 0
[ngx_http_memcached_module]
memcached_bind | http,server,location | 1-2
memcached_buffer_size | http,server,location | 1
memcached_connect_timeout | http,server,location | 1
memcached_gzip_flag | http,server,location | 1
memcached_next_upstream | http,server,location | 1+
memcached_next_upstream_timeout | http,server,location | 1
memcached_next_upstream_tries | http,server,location | 1
memcached_pass | location,if-in-location | 1
memcached_read_timeout | http,server,location | 1
memcached_send_timeout | http,server,location | 1
memcached_socket_keepalive | http,server,location | 1
[ngx_http_mp4_module]
mp4 | location | 0
mp4_buffer_size | http,server,location | 1
mp4_max_buffer_size | http,server,location | 1
mp4_start_key_frame | http,server,location | 1
[ngx_http_scgi_module]
scgi_bind | http,server,location | 1-2
scgi_buffer_size | http,server,location | 1
scgi_buffering | http,server,location | 1
scgi_buffers | http,server,location | 2
scgi_busy_buffers_size | http,server,location | 1
scgi_cache | http,server,location | 1
scgi_cache_background_update | http,server,location | 1
scgi_cache_bypass | http,server,location | 1+
scgi_cache_key | http,server,location | 1
scgi_cache_lock | http,server,location | 1
scgi_cache_lock_age | http,server,location | 1
scgi_cache_lock_timeout | http,server,location | 1
scgi_cache_max_range_offset | http,server,location | 1
scgi_cache_methods | http,server,location | 1+
scgi_cache_min_uses | http,server,location | 1
scgi_cache_path | http | 2+
scgi_cache_revalidate | http,server,location | 1
scgi_cache_use_stale | http,server,location | 1+
scgi_cache_valid | http,server,location | 1+
scgi_connect_timeout | http,server,location | 1
scgi_force_ranges | http,server,location | 1
scgi_hide_header | http,server,location | 1
scgi_ignore_client_abort | http,server,location | 1
scgi_ignore_headers | http,server,location | 1+
scgi_intercept_errors | http,server,location | 1
scgi_limit_rate | http,server,location | 1
scgi_max_temp_file_size | http,server,location | 1
scgi_next_upstream | http,server,location | 1+
scgi_next_upstream_timeout | http,server,location | 1
scgi_next_upstream_tries | http,server,location | 1
scgi_no_cache | http,server,location | 1+
scgi_param | http,server,location | 2-3
scgi_pass | location,if-in-location | 1
scgi_pass_header | http,server,location | 1
scgi_pass_request_body | http,server,location | 1
scgi_pass_request_headers | http,server,location | 1
scgi_read_timeout | http,server,location | 1
scgi_request_buffering | http,server,location | 1
scgi_send_timeout | http,server,location | 1
scgi_socket_keepalive | http,server,location | 1
scgi_store | http,server,location | 1
scgi_store_access | http,server,location | 1-3
scgi_temp_file_write_size | http,server,location | 1
scgi_temp_path | http,server,location | 1-4
[ngx_http_uwsgi_module]
uwsgi_bind | http,server,location | 1-2
uwsgi_buffer_size | http,server,location | 1
uwsgi_buffering | http,server,location | 1
uwsgi_buffers | http,server,location | 2
uwsgi_busy_buffers_size | http,server,location | 1
uwsgi_cache | http,server,location | 1
uwsgi_cache_background_update | http,server,location | 1
uwsgi_cache_bypass | http,server,location | 1+
uwsgi_cache_key | http,server,location | 1
uwsgi_cache_lock | http,server,location | 1
uwsgi_cache_lock_age | http,server,location | 1
uwsgi_cache_lock_timeout | http,server,location | 1
uwsgi_cache_max_range_offset | http,server,location | 1
uwsgi_cache_methods | http,server,location | 1+
uwsgi_cache_min_uses | http,server,location | 1
uwsgi_cache_path | http | 2+
uwsgi_cache_revalidate | http,server,location | 1
uwsgi_cache_use_stale | http,server,location | 1+
uwsgi_cache_valid | http,server,location | 1+
uwsgi_connect_timeout | http,server,location | 1
uwsgi_force_ranges | http,server,location | 1
uwsgi_hide_header | http,server,location | 1
uwsgi_ignore_client_abort | http,server,location | 1
uwsgi_ignore_headers | http,server,location | 1+
uwsgi_intercept_errors | http,server,location | 1
uwsgi_limit_rate | http,server,location | 1
uwsgi_max_temp_file_size | http,server,location | 1
uwsgi_modifier1 | http,server,location | 1
uwsgi_modifier2 | http,server,location | 1
uwsgi_next_upstream | http,server,location | 1+
uwsgi_next_upstream_timeout | http,server,location | 1
uwsgi_next_upstream_tries | http,server,location | 1
uwsgi_no_cache | http,server,location | 1+
uwsgi_param | http,server,location | 2-3
uwsgi_pass | location,if-in-location | 1
uwsgi_pass_header | http,server,location | 1
uwsgi_pass_request_body | http,server,location | 1
uwsgi_pass_request_headers | http,server,location | 1
uwsgi_read_timeout | http,server,location | 1
uwsgi_request_buffering | http,server,location | 1
uwsgi_send_timeout | http,server,location | 1
uwsgi_socket_keepalive | http,server,location | 1
uwsgi_ssl_certificate | http,server,location | 1
uwsgi_ssl_certificate_key | http,server,location | 1
uwsgi_ssl_ciphers | http,server,location | 1
uwsgi_ssl_conf_command | http,server,location | 2
uwsgi_ssl_crl | http,server,location | 1
uwsgi_ssl_name | http,server,location | 1
uwsgi_ssl_password_file | http,server,location | 1
uwsgi_ssl_protocols | http,server,location | 1+
uwsgi_ssl_server_name | http,server,location | 1
uwsgi_ssl_session_reuse | http,server,location | 1
uwsgi_ssl_trusted_certificate | http,server,location | 1
uwsgi_ssl_verify | http,server,location | 1
uwsgi_ssl_verify_depth | http,server,location | 1
uwsgi_store | http,server,location | 1
uwsgi_store_access | http,server,location | 1-3
uwsgi_string | http,server,location | 1
uwsgi_temp_file_write_size | http,server,location | 1
uwsgi_temp_path | http,server,location | 1-4
[ngx_mail_core_module]
mail | main | block 0
[ngx_http_v3_module]
http3 | http,server | 1
http3_hq | http,server | 1
http3_max_concurrent_streams | http,server | 1
http3_stream_buffer_size | http,server | 1
quic_active_connection_id_limit | http,server | 1
quic_bpf | main | 1
quic_gso | http,server | 1
quic_host_key | http,server | 1
quic_retry | http,server | 1
[ngx_http_geoip_module]
geoip_country | http | 1-2
geoip_city | http | 1-2
geoip_org | http | 1-2
geoip_proxy | http | 1
geoip_proxy_recursive | http | 1
[ngx_http_image_filter_module]
image_filter | location | 1-3
image_filter_buffer | http,server,location | 1
image_filter_interlace | http,server,location | 1
image_filter_jpeg_quality | http,server,location | 1
image_filter_sharpen | http,server,location | 1
image_filter_transparency | http,server,location | 1
image_filter_webp_quality | http,server,location | 1
[ngx_http_xslt_module]
xml_entities | http,server,location | 1
xslt_last_modified | http,server,location | 1
xslt_param | http,server,location | 2
xslt_string_param | http,server,location | 2
xslt_stylesheet | location | 1+
xslt_types | http,server,location | 1+
[ngx_http_perl_module]
perl | location,limit_except | 1
perl_modules | http | 1
perl_require | http | 1
perl_set | http | 2
[ngx_google_perftools_module]
google_perftools_profiles | main | 1
[ngx_otel_module]
otel_exporter | http | block 0
otel_service_name | http | 1
otel_resource_attr | http | 2
otel_trace | http,server,location | 1
otel_trace_context | http,server,location | 1
otel_span_name | http,server,location | 1
otel_span_attr | http,server,location | 2
[ngx_http_acme_module]
acme_issuer | http | block 1
acme_shared_zone | http | 1
acme_certificate | server | 1+
[ngx_http_js_module]
js_import | http,server,location | 1-3
js_path | http,server,location | 1
js_content | location,if-in-location,limit_except | 1
js_set | http,server,location | 2-3
js_var | http,server,location | 1-2
js_header_filter | location,if-in-location,limit_except | 1
js_body_filter | location,if-in-location,limit_except | 1-2
js_periodic | location | 1-4
[ngx_http_api_module]
api | location | 0-1
status_zone | server,location,if-in-location | 1
[ngx_http_auth_jwt_module]
auth_jwt | http,server,location,limit_except | 1-2
auth_jwt_claim_set | http | 2+
auth_jwt_header_set | http | 2+
auth_jwt_key_cache | http,server,location | 1
auth_jwt_key_file | http,server,location,limit_except | 1
auth_jwt_key_request | http,server,location,limit_except | 1
auth_jwt_leeway | http,server,location | 1
auth_jwt_require | http,server,location,limit_except | 1+
auth_jwt_type | http,server,location,limit_except | 1
[ngx_http_keyval_module]
keyval | http | 3
keyval_zone | http | 1+
[ngx_http_upstream_hc_module]
health_check | location | 0+
match | http | block 1
[ngx_http_internal_redirect_module]
internal_redirect | server,location | 1
[ngx_http_session_log_module]
session_log | http,server,location | 1
session_log_format | http | 2+
session_log_zone | http | 2+
[ngx_http_f4f_module]
f4f | location | 0
f4f_buffer_size | http,server,location | 1
[ngx_http_hls_module]
hls | location | 0
hls_buffers | http,server,location | 2
hls_forward_args | http,server,location | 1
hls_fragment | http,server,location | 1
hls_mp4_buffer_size | http,server,location | 1
hls_mp4_max_buffer_size | http,server,location | 1
[ngx_http_status_module]
status | location | 0
status_format | http,server,location | 1-2
[ngx_mgmt_module]
mgmt | main | block 0
`;

/** nginx's directives by name, as `checkConfiguration` takes them. */
export const foreignDirectives: ForeignDirectives = readTable();

function readTable(): ForeignDirectives {
  const directives = new Map<string, ForeignDirective[]>();
  let module = '';
  for (const line of table.trim().split('\n')) {
    const [name = '', contexts = '', args = ''] = line.split(' | ');
    if (name.startsWith('[')) {
      module = name.slice(1, -1);
      continue;
    }
    const known = directives.get(name) ?? [];
    const hint = hints[name] ?? null;
    directives.set(name, [...known, { module, contexts: contexts.split(','), args, hint }]);
  }
  return directives;
}
